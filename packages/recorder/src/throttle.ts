// SPDX-License-Identifier: Apache-2.0
// Throttled event types ("150/s"): at most so many events a second in the whole process, spread over
// time rather than the first ones. Time is cut into windows of a fifth of a second; how many events the
// windows before had says that every n-th is taken in this one. All threads share the counts.
import { type Arena, THROTTLE, THROTTLE_WORDS } from './arena.ts';
import type { Ticks } from './clock.ts';

const WINDOWS_PER_SECOND = 5;
const WINDOW: number = 1e9 / WINDOWS_PER_SECOND;
/** Weight of the last window in the running average of events offered. */
const WEIGHT = 0.4;

export class Throttles {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #rates: Float64Array<SharedArrayBuffer>;

  constructor(arena: Arena) {
    this.#words = arena.throttles;
    this.#rates = arena.rates;
  }

  /** Whether the event of a type that starts now is to be recorded. */
  take(typeId: number, ticks: Ticks): boolean {
    const rate = this.#rates[typeId]!;
    if (rate === Number.POSITIVE_INFINITY) return true;
    const words = this.#words;
    const base = typeId * THROTTLE_WORDS;
    // wraps every few years, which costs one window
    const window = Math.floor(ticks / WINDOW) | 0;
    const present = Atomics.load(words, base + THROTTLE.window);
    if (
      window !== present &&
      Atomics.compareExchange(words, base + THROTTLE.window, present, window) === present
    ) {
      const offered = Atomics.exchange(words, base + THROTTLE.offered, 0);
      const average = words[base + THROTTLE.average]!;
      const next = Math.round(offered * WEIGHT + average * (1 - WEIGHT));
      words[base + THROTTLE.average] = next;
      words[base + THROTTLE.every] = Math.max(1, Math.floor((next * WINDOWS_PER_SECOND) / rate));
      // low rates get their whole number in turn: 1/s is one in every fifth window
      const carried =
        words[base + THROTTLE.credit]! + Math.round((rate * 1000) / WINDOWS_PER_SECOND);
      const limit = Math.max(1000, Math.round((rate * 1000) / WINDOWS_PER_SECOND));
      Atomics.store(words, base + THROTTLE.credit, Math.min(carried, limit));
    }
    const number = Atomics.add(words, base + THROTTLE.offered, 1);
    if (number % Math.max(1, words[base + THROTTLE.every]!) !== 0) return false;
    // credit counts thousandths of an event
    if (Atomics.load(words, base + THROTTLE.credit) < 1000) return false;
    return Atomics.sub(words, base + THROTTLE.credit, 1000) >= 1000;
  }
}
