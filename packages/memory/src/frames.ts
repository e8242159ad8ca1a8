// SPDX-License-Identifier: Apache-2.0
// One byte per page frame for the kind of its owner, one word for the owner's name.
import { OWNER_KINDS } from '@rekindle/events';

/** Bytes of a page and of a page frame. Only x86-64's small page: large ones are runs of these. */
export const PAGE_BYTES = 4096;

/** Who owns a page frame, as the guest's kernel sees it. */
export type OwnerKind = (typeof OWNER_KINDS)[number];

/** Owner of every frame of guest physical memory; index = guest physical address / 4096. */
export interface FrameTable {
  readonly count: number;
  /** 0: not known (or no memory there), else 1 + index in OWNER_KINDS. */
  readonly kind: Uint8Array;
  /** Index into `names`; 0 is the empty name. */
  readonly name: Uint32Array;
  readonly names: readonly string[];
}

const codes = new Map<string, number>(OWNER_KINDS.map((kind, index) => [kind, index + 1]));

/** Code of a kind in `FrameTable.kind`; undefined for a word that is no kind. */
export function kindCode(kind: string): number | undefined {
  return codes.get(kind);
}

/** Kind of a code in `FrameTable.kind`; undefined for 0. */
export function kindOf(code: number): OwnerKind | undefined {
  return OWNER_KINDS[code - 1];
}

/** Calls `run` for every run of frames of one kind and name; frames of unknown kind are left out. */
export function eachFrameRun(
  frames: FrameTable,
  run: (frame: number, pages: number, kind: OwnerKind, name: string) => void,
): void {
  const { kind, name, names, count } = frames;
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && kind[end] === kind[start] && name[end] === name[start]) end++;
    const word = kindOf(kind[start]!);
    if (word !== undefined) run(start, end - start, word, names[name[start]!]!);
    start = end;
  }
}
