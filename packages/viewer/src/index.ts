// SPDX-License-Identifier: Apache-2.0
export { mountViewer, type Viewer } from './mount.tsx';
export {
  type FileKind,
  kindOf,
  type OpenableFile,
  OpenError,
  type Opened,
  openRuns,
} from './open.ts';
