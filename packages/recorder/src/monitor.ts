// SPDX-License-Identifier: Apache-2.0
// A lock that threads share, in shared memory, whose contention and waits are recorded as those of Java
// monitors are.
import { now } from './clock.ts';
import { eventHandle, threadBinding } from './flight-recorder.ts';
import { captureFrames } from './frames.ts';
import { JavaMonitorEnter, JavaMonitorWait } from './jdk-events.ts';
import { wait } from './wait.ts';

/** Words: who holds it (thread key, 0 nobody), how many wait to enter, notifications so far, notifier. */
const OWNER = 0;
const CONTENDERS = 1;
const NOTIFIED = 2;
const NOTIFIER = 3;
const WORDS = 4;
/** Stands for a thread that the recorder does not know. */
const UNKNOWN = 0x7fffffff;
const DEPTH = 32;

/** A monitor; give `memory` to other threads and make one there from it. Not reentrant. */
export class Monitor {
  readonly memory: SharedArrayBuffer;
  readonly #name: string;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #entered = eventHandle(JavaMonitorEnter);
  readonly #waited = eventHandle(JavaMonitorWait);

  /** `name` is shown as the monitor's class. */
  constructor(name: string, memory: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4)) {
    this.#name = name;
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Runs `work` while holding the monitor; blocks the thread until it has it. */
  run<T>(work: () => T): T {
    this.enter();
    try {
      return work();
    } finally {
      this.exit();
    }
  }

  enter(): void {
    const words = this.#words;
    const me = threadBinding()?.writer.key ?? UNKNOWN;
    let owner = Atomics.compareExchange(words, OWNER, 0, me);
    if (owner === 0) return;
    const start = now();
    const previous = owner;
    Atomics.add(words, CONTENDERS, 1);
    while (owner !== 0) {
      wait(words, OWNER, owner);
      owner = Atomics.compareExchange(words, OWNER, 0, me);
    }
    Atomics.sub(words, CONTENDERS, 1);
    const duration = now() - start;
    if (!this.#entered.shouldCommit(duration)) return;
    const frames = captureFrames(DEPTH, this.enter);
    const before = previous === UNKNOWN ? null : previous;
    this.#entered.commit(start, duration, me, frames, this.#name, before, 0);
  }

  exit(): void {
    Atomics.store(this.#words, OWNER, 0);
    if (Atomics.load(this.#words, CONTENDERS) > 0) Atomics.notify(this.#words, OWNER, 1);
  }

  /**
   * Lets go of the monitor until it is notified or the time (milliseconds) is over, then has it again.
   * False when the time was over. To be called while holding the monitor.
   */
  wait(timeout: number = Number.POSITIVE_INFINITY): boolean {
    const words = this.#words;
    const start = now();
    const seen = Atomics.load(words, NOTIFIED);
    this.exit();
    const inTime = wait(words, NOTIFIED, seen, timeout) !== 'timed-out';
    const duration = now() - start;
    this.enter();
    if (this.#waited.shouldCommit(duration)) {
      const me = threadBinding()?.writer.key ?? null;
      const notifier = Atomics.load(words, NOTIFIER);
      const by = inTime && notifier !== UNKNOWN ? notifier : null;
      const millis = Number.isFinite(timeout) ? Math.round(timeout) : 0;
      const frames = captureFrames(DEPTH, this.wait);
      this.#waited.commit(start, duration, me, frames, this.#name, by, millis, !inTime, 0);
    }
    return inTime;
  }

  /** Ends the wait of one thread, or of all. To be called while holding the monitor. */
  notify(all = false): void {
    const words = this.#words;
    Atomics.store(words, NOTIFIER, threadBinding()?.writer.key ?? UNKNOWN);
    Atomics.add(words, NOTIFIED, 1);
    Atomics.notify(words, NOTIFIED, all ? Number.POSITIVE_INFINITY : 1);
  }
}
