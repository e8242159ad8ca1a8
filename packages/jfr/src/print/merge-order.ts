// SPDX-License-Identifier: Apache-2.0

/**
 * The order that sorts keys: indices, those of equal keys in their order. A merge of the runs that are
 * there already: events come thread by thread, each thread's in order, so that there are few.
 */
export function mergeOrder(keys: Float64Array): Uint32Array {
  const { length } = keys;
  let from = new Uint32Array(length);
  for (let index = 0; index < length; index++) from[index] = index;
  let starts = [0];
  for (let index = 1; index < length; index++) {
    if (!(keys[index - 1]! <= keys[index]!)) starts.push(index);
  }
  let to = starts.length > 1 ? new Uint32Array(length) : from;
  while (starts.length > 1) {
    const merged: number[] = [];
    for (let run = 0; run < starts.length; run += 2) {
      const start = starts[run]!;
      merged.push(start);
      merge(keys, from, to, start, starts[run + 1] ?? length, starts[run + 2] ?? length);
    }
    [from, to] = [to, from];
    starts = merged;
  }
  return from;
}

/** Merges the runs from `start` and from `middle` (to `end`) into `to`. */
function merge(
  keys: Float64Array,
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  let at = start;
  while (left < middle && right < end) {
    const a = from[left]!;
    const b = from[right]!;
    if (keys[b]! < keys[a]!) {
      to[at++] = b;
      right++;
    } else {
      to[at++] = a;
      left++;
    }
  }
  while (left < middle) to[at++] = from[left++]!;
  while (right < end) to[at++] = from[right++]!;
}
