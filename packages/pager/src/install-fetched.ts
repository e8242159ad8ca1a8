// SPDX-License-Identifier: Apache-2.0
import type { LazyContent } from './memory-source.ts';
import type { NativeEngine } from './native-engine.ts';
import type { PrefetchRun } from './prefetch.ts';
import { PrefetchUnits } from './prefetch-units.ts';

/** Pages fetched side by side before they are installed. */
const FETCHED_AT_ONCE = 512;

/** The pages of runs, in pieces. */
function* piecesOf(runs: readonly PrefetchRun[]): Generator<number[]> {
  let piece: number[] = [];
  for (const run of runs) {
    for (let page = run.page; page < run.page + run.pages; page++) {
      piece.push(page);
      if (piece.length === FETCHED_AT_ONCE) {
        yield piece;
        piece = [];
      }
    }
  }
  if (piece.length > 0) yield piece;
}

/** Neighbouring pages as runs; whether they are zero, the page states know. */
function runsOf(pages: readonly number[]): PrefetchRun[] {
  const runs: { page: number; pages: number; zero: boolean }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.pages === page) last.pages++;
    else runs.push({ page, pages: 1, zero: false });
  }
  return runs;
}

/** Fetches what runs need, piece by piece, and installs each piece as soon as it has come. */
export async function installFetched(
  engine: NativeEngine,
  lazy: LazyContent,
  runs: readonly PrefetchRun[],
  pageSize: number,
): Promise<void> {
  for (const piece of piecesOf(runs)) {
    await Promise.all(piece.map((page) => lazy.load(page)));
    const fetched = new PrefetchUnits(runsOf(piece), pageSize);
    await engine.prefetch(fetched, 1);
    fetched.close();
  }
}
