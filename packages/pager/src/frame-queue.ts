// SPDX-License-Identifier: Apache-2.0
// Which frame of a memory is fetched next. What a vCPU waits for comes before what is fetched ahead, whenever it was
// asked for: it overtakes the queue, and finds a worker free even when all that fetch ahead are busy.

/** Fetching at once: over a network the next request is under way while an answer is unpacked. */
const WORKERS = 8;
/** Beyond those, for what is waited for: no fetch ahead ever stands before it. */
const RESERVED = 4;

interface Entry {
  readonly done: Promise<void>;
  readonly settle: { resolve: () => void; reject: (error: Error) => void };
  state: 'ahead' | 'urgent' | 'started';
}

/** Fetches every frame at most once, a few at a time. */
export class FrameQueue {
  readonly #fetch: (frame: number) => Promise<void>;
  readonly #workers: number;
  readonly #entries = new Map<number, Entry>();
  readonly #urgent: number[] = [];
  #ahead: number[] = [];
  #running = 0;

  /** @param fetch brings one frame, unpacked and checked, to where it belongs */
  constructor(fetch: (frame: number) => Promise<void>, workers: number = WORKERS) {
    this.#fetch = fetch;
    this.#workers = workers;
  }

  /** Asks for a frame. @param urgent somebody waits for it. Rejects when it cannot be had */
  load(frame: number, urgent: boolean): Promise<void> {
    let entry = this.#entries.get(frame);
    if (entry === undefined) {
      let settle: Entry['settle'] | undefined;
      const done = new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
      });
      // Whoever asked first may have stopped listening.
      done.catch(() => {});
      entry = { done, settle: settle!, state: urgent ? 'urgent' : 'ahead' };
      this.#entries.set(frame, entry);
      (urgent ? this.#urgent : this.#ahead).push(frame);
    } else if (urgent && entry.state === 'ahead') {
      // Its old place is skipped when its turn comes.
      entry.state = 'urgent';
      this.#urgent.push(frame);
    }
    this.#start();
    return entry.done;
  }

  #start(): void {
    while (this.#urgent.length > 0 && this.#running < this.#workers + RESERVED) {
      this.#run(this.#urgent.shift()!);
    }
    let next = 0;
    while (next < this.#ahead.length && this.#running < this.#workers) {
      const frame = this.#ahead[next++]!;
      if (this.#entries.get(frame)!.state === 'ahead') this.#run(frame);
    }
    if (next > 0) this.#ahead = this.#ahead.slice(next);
  }

  #run(frame: number): void {
    const entry = this.#entries.get(frame)!;
    entry.state = 'started';
    this.#running++;
    this.#fetch(frame)
      .then(entry.settle.resolve, entry.settle.reject)
      .finally(() => {
        this.#running--;
        this.#start();
      });
  }

  /** Resolves when nothing is under way any more; what still waits is not started. */
  async close(): Promise<void> {
    const started = [...this.#entries.values()].filter(({ state }) => state === 'started');
    this.#urgent.length = 0;
    this.#ahead = [];
    await Promise.allSettled(started.map(({ done }) => done));
  }
}
