// SPDX-License-Identifier: Apache-2.0
// pprof's profile.proto, unpacked: `go tool pprof` reads it gzipped or as it is.
// Field numbers: github.com/google/pprof/proto/profile.proto.
import type { StackProfile } from './stacks.ts';

const VARINT = 0;
const BYTES = 2;

/** A message under construction. */
class Message {
  #bytes: Uint8Array = new Uint8Array(256);
  #length = 0;

  /** int64 and uint64; proto3 leaves zeros out. */
  number(field: number, value: number | bigint): this {
    if (value === 0 || value === 0n) return this;
    this.#varint((field << 3) | VARINT);
    this.#varint(value);
    return this;
  }

  text(field: number, text: string): this {
    return this.bytes(field, new TextEncoder().encode(text));
  }

  message(field: number, message: Message): this {
    return this.bytes(field, message.finish());
  }

  packed(field: number, values: Iterable<number>): this {
    const inner = new Message();
    for (const value of values) inner.#varint(value);
    return this.bytes(field, inner.finish());
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#varint((field << 3) | BYTES);
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #varint(value: number | bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    if (rest < 0x80n) {
      this.#bytes[this.#length++] = Number(rest);
      return;
    }
    for (; rest >= 0x80n; rest >>= 7n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

class Strings {
  readonly all: string[] = [''];
  readonly #known: Map<string, number> = new Map([['', 0]]);

  index(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const index = this.all.push(text) - 1;
    this.#known.set(text, index);
    return index;
  }
}

/** A profile message, one sample per stack and thread, labelled with the thread. */
export function pprofProfile(profile: StackProfile): Uint8Array {
  const strings = new Strings();
  const out = new Message();
  const counts = profile.weightName === 'samples';
  const valueType = (type: string, unit: string): Message =>
    new Message().number(1, strings.index(type)).number(2, strings.index(unit));
  out.message(1, valueType('samples', 'count'));
  if (!counts) out.message(1, valueType(profile.weightName, profile.unit || 'count'));
  for (const { stack, thread, count, weight } of samplesOf(profile)) {
    const { name, id } = profile.threads[thread]!;
    // pprof wants the leaf first
    const sample = new Message()
      .packed(1, profile.stacks[stack]!.map((frame) => frame + 1).reverse())
      .packed(2, counts ? [count] : [count, Math.round(weight)]);
    if (name !== '') {
      sample.message(3, label(strings.index('thread')).number(2, strings.index(name)));
    }
    if (id > 0) sample.message(3, label(strings.index('thread_id')).number(3, id));
    out.message(2, sample);
  }
  const functions = new Map<string, number>();
  for (const [index, { name, line }] of profile.frames.entries()) {
    let id = functions.get(name);
    if (id === undefined) {
      id = functions.size + 1;
      functions.set(name, id);
    }
    out.message(
      4,
      new Message()
        .number(1, index + 1)
        .message(4, new Message().number(1, id).number(2, line ?? 0)),
    );
  }
  for (const [name, id] of functions) {
    const text = strings.index(name);
    out.message(5, new Message().number(1, id).number(2, text).number(3, text));
  }
  const defaultType = strings.index(profile.weightName);
  const comment = strings.index(profile.event);
  for (const text of strings.all) out.text(6, text);
  return out
    .number(9, profile.startNanos)
    .number(10, profile.durationNanos)
    .packed(13, [comment])
    .number(14, defaultType)
    .finish();
}

function label(key: number): Message {
  return new Message().number(1, key);
}

interface Sample {
  readonly stack: number;
  readonly thread: number;
  count: number;
  weight: number;
}

function samplesOf({ stack, thread, weight, threads }: StackProfile): Iterable<Sample> {
  const samples = new Map<number, Sample>();
  for (let row = 0; row < stack.length; row++) {
    const key = stack[row]! * threads.length + thread[row]!;
    const known = samples.get(key);
    if (known === undefined) {
      samples.set(key, {
        stack: stack[row]!,
        thread: thread[row]!,
        count: 1,
        weight: weight[row]!,
      });
    } else {
      known.count++;
      known.weight += weight[row]!;
    }
  }
  return samples.values();
}
