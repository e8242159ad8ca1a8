// SPDX-License-Identifier: Apache-2.0
// Which chunks go into which file when a recording is taken apart, as `jfr disassemble` does it.
import type { ChunkPlace } from '../find-chunks.ts';

export interface DisassembleOptions {
  /** Most chunks per file. */
  readonly maxChunks?: number;
  /** Most bytes per file; a chunk that is larger gets a file of its own. */
  readonly maxBytes?: number;
}

/** A piece of a recording: bytes from `start` to before `end`. */
export interface RecordingPiece {
  readonly start: number;
  readonly end: number;
  readonly chunks: number;
}

/** Default of `jfr disassemble`, where neither limit is given. */
const DEFAULT_MAX_CHUNKS = 5;

/** Cuts a recording between its chunks. */
export function disassemble(
  places: readonly ChunkPlace[],
  {
    maxBytes,
    maxChunks = maxBytes === undefined ? DEFAULT_MAX_CHUNKS : Infinity,
  }: DisassembleOptions,
): readonly RecordingPiece[] {
  const pieces: { start: number; end: number; chunks: number }[] = [];
  for (const { offset, bytes } of places) {
    const piece = pieces.at(-1);
    const size = piece === undefined ? 0 : piece.end - piece.start;
    if (piece === undefined || piece.chunks >= maxChunks || size + bytes > (maxBytes ?? Infinity)) {
      pieces.push({ start: offset, end: offset + bytes, chunks: 1 });
    } else {
      piece.end = offset + bytes;
      piece.chunks++;
    }
  }
  return pieces;
}

/** File names as the JDK gives them: `NAME_0.jfr`, with as many digits as the last one needs. */
export function pieceNames(name: string, count: number): readonly string[] {
  const stem = name.replace(/\.jfr$/, '');
  const digits = String(count - 1).length;
  return Array.from(
    { length: count },
    (_, index) => `${stem}_${String(index).padStart(digits, '0')}.jfr`,
  );
}
