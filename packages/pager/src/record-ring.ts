// SPDX-License-Identifier: Apache-2.0
import { RECORD, RECORD_BYTES, RECORD_KIND } from './engine-layout.ts';
import type { FaultLog } from './fault-log.ts';

/** The native engine's records as they lie in its ring. */
export class RecordRing {
  readonly #doubles: Float64Array;
  readonly #words: Uint32Array;
  readonly #last: number;

  /** @param memory a power of two of records */
  constructor(memory: ArrayBuffer) {
    this.#doubles = new Float64Array(memory);
    this.#words = new Uint32Array(memory);
    this.#last = memory.byteLength / RECORD_BYTES - 1;
  }

  /**
   * Passes the records from `tail` to `head`, which both wrap, on to the log.
   * @param want told of pages whose content the engine asks for
   */
  take(
    tail: number,
    head: number,
    log: FaultLog,
    want: ((page: number) => void) | undefined,
  ): void {
    const doubles = this.#doubles;
    const words = this.#words;
    for (let at = tail; at !== head; at = (at + 1) >>> 0) {
      const d = (at & this.#last) * 8;
      const w = (at & this.#last) * 16;
      const kind = words[w + RECORD.kind]!;
      const start = doubles[d + RECORD.start]!;
      const physical = doubles[d + RECORD.guestPhysical]!;
      if (kind === RECORD_KIND.fault) {
        log.fault(
          start,
          doubles[d + RECORD.duration]!,
          physical,
          doubles[d + RECORD.hostVirtual]!,
          words[w + RECORD.write] === 1,
          words[w + RECORD.action]!,
          words[w + RECORD.thread]!,
          words[w + RECORD.region]!,
        );
      } else if (kind === RECORD_KIND.prefetch) {
        log.prefetch(
          start,
          doubles[d + RECORD.duration]!,
          physical,
          words[w + RECORD.pages]!,
          doubles[d + RECORD.bytes]!,
          words[w + RECORD.action]!,
        );
      } else if (kind === RECORD_KIND.removed) {
        log.removed(start, physical, doubles[d + RECORD.bytes]!);
      } else {
        want?.(words[w + RECORD.pages]!);
      }
    }
  }
}
