// SPDX-License-Identifier: Apache-2.0
import type { LazyContent } from './memory-source.ts';
import type { NativeEngine } from './native-engine.ts';
import type { PrefetchRun } from './prefetch.ts';
import { PrefetchUnits } from './prefetch-units.ts';

/** Pages that are installed together, as soon as all of them have come. */
const INSTALLED_AT_ONCE = 512;

/** The pages of runs, in pieces. */
function* piecesOf(runs: readonly PrefetchRun[]): Generator<number[]> {
  let piece: number[] = [];
  for (const run of runs) {
    for (let page = run.page; page < run.page + run.pages; page++) {
      piece.push(page);
      if (piece.length === INSTALLED_AT_ONCE) {
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

/**
 * Fetches what runs need, all of it in their order, and installs it piece by piece as it comes: while one piece is
 * installed the next ones are under way.
 */
export async function installFetched(
  engine: NativeEngine,
  lazy: LazyContent,
  runs: readonly PrefetchRun[],
  pageSize: number,
): Promise<void> {
  const pieces = [...piecesOf(runs)];
  const loads = pieces.map((piece) => Promise.all(piece.map((page) => lazy.load(page, false))));
  // The first failure is told below; those behind it have nobody left to tell.
  for (const load of loads) load.catch(() => {});
  for (const [index, piece] of pieces.entries()) {
    await loads[index];
    const fetched = new PrefetchUnits(runsOf(piece), pageSize);
    await engine.prefetch(fetched, 1, true); // a few pages
    fetched.close();
  }
}
