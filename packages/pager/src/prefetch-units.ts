// SPDX-License-Identifier: Apache-2.0
import { type Mapping, mapAnonymous } from '@rekindle/linux';
import { UNIT_BYTES } from './engine-layout.ts';
import type { PrefetchRun } from './prefetch.ts';

/** Longest piece of a run that one worker takes at once, bytes. */
const UNIT_LENGTH = 2 << 20;

/** Runs as the native engine reads them: pieces that workers share out. */
export class PrefetchUnits {
  readonly memory: Mapping;
  readonly count: number;
  /** In all units, in pages of 4 KiB. */
  readonly pages: number;

  constructor(runs: readonly PrefetchRun[], pageSize: number) {
    const most = UNIT_LENGTH / pageSize;
    this.count = runs.reduce((sum, run) => sum + Math.ceil(run.pages / most), 0);
    this.pages = runs.reduce((sum, run) => sum + (run.pages * pageSize) / 4096, 0);
    this.memory = mapAnonymous(Math.max(1, this.count) * UNIT_BYTES);
    const words = new Uint32Array(this.memory.bytes());
    let at = 0;
    for (const run of runs) {
      for (let done = 0; done < run.pages; done += most) {
        words[at] = run.page + done;
        words[at + 1] = Math.min(most, run.pages - done);
        words[at + 2] = run.zero ? 1 : 0;
        at += 4;
      }
    }
  }

  /** No worker may still read them. Idempotent. */
  close(): void {
    this.memory.unmap();
  }
}
