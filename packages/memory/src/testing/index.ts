// SPDX-License-Identifier: Apache-2.0
export { type AssembledGuest, assembleGuest } from './assembled-guest.ts';
export type { KernelShape } from './assembled-layouts.ts';
export {
  DRAWN_CODE_LIST,
  DRAWN_FRAMES,
  DRAWN_MAPPINGS,
  DRAWN_NATIVE_MEMORY,
} from './drawn-guest.ts';
