// SPDX-License-Identifier: Apache-2.0
// Moments and spans written as java.time prints them. Events come in clusters: all of a moment but the
// digits behind the point is that of the event before.
import { type AsciiBuffer, ascii } from './ascii-buffer.ts';
import { type ChunkClock, type Long, type Span, spanToString } from './chunk-clock.ts';
import { offsetDateTimeToString } from './java-time.ts';

const NANOS = 1_000_000_000;
const POINT = 46;
const LETTER_P = 80;
const LETTER_S = 83;
const LETTER_T = 84;
const DIGIT_0 = 48;

/** Writes moments in ticks as `OffsetDateTime.toString` does. */
export class MomentWriter {
  readonly #clock: ChunkClock;
  readonly #startSecond: number;
  readonly #startNano: number;
  #second = Number.NaN;
  /** `yyyy-mm-ddThh:mm:ss.` and the zone of the second last written. */
  #head: Uint8Array = new Uint8Array(0);
  #zone: Uint8Array = new Uint8Array(0);

  constructor(clock: ChunkClock) {
    this.#clock = clock;
    this.#startSecond = Number(clock.startNanos / 1_000_000_000n);
    this.#startNano = Number(clock.startNanos % 1_000_000_000n);
  }

  put(ticks: Long, out: AsciiBuffer): void {
    const delta = this.#clock.sinceStart(ticks);
    const nanos = this.#startNano + delta;
    const carry = Math.floor(nanos / NANOS);
    const second = this.#startSecond + carry;
    const nano = nanos - carry * NANOS;
    if (!Number.isSafeInteger(delta) || !Number.isSafeInteger(nanos) || nano === 0) {
      out.text(this.#clock.isoOfTicks(ticks));
      return;
    }
    if (second !== this.#second) this.#remember(second);
    out.copy(this.#head);
    // in groups of three digits
    if (nano % 1_000 !== 0) out.digits(nano, 9);
    else if (nano % 1_000_000 !== 0) out.digits(nano / 1_000, 6);
    else out.digits(nano / 1_000_000, 3);
    out.copy(this.#zone);
  }

  #remember(second: number): void {
    const nanos = BigInt(second) * 1_000_000_000n + 1n;
    const text = offsetDateTimeToString(nanos, this.#clock.offsetSeconds);
    const point = text.indexOf('.');
    this.#second = second;
    this.#head = ascii(text.slice(0, point + 1));
    this.#zone = ascii(text.slice(point + 10));
  }
}

/** Writes a span as `Duration.toString` does. */
export function putSpan(span: Span, out: AsciiBuffer): void {
  if (!(typeof span === 'number' && span >= 0 && span < 60 * NANOS)) {
    out.text(spanToString(span));
    return;
  }
  out.byte(LETTER_P);
  out.byte(LETTER_T);
  const seconds = Math.floor(span / NANOS);
  const nano = span - seconds * NANOS;
  out.integer(seconds);
  if (nano !== 0) {
    out.byte(POINT);
    out.digits(nano, 9);
    while (out.bytes[out.at - 1] === DIGIT_0) out.at--;
  }
  out.byte(LETTER_S);
}
