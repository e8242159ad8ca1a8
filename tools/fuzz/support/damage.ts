// SPDX-License-Identifier: Apache-2.0
// Damage for the pager's fuzz targets.

/** xorshift32: the same damage for the same seed. Answers whole numbers below `below`. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Changes, cuts, doubles or inserts bytes, `times` over. */
export function damage(
  bytes: Uint8Array,
  random: (below: number) => number,
  times: number,
): Uint8Array {
  let result = Array.from(bytes);
  for (let time = 0; time < times; time++) {
    const at = random(result.length + 1);
    const length = random(8) + 1;
    switch (random(5)) {
      case 0:
        if (at < result.length) result[at] = random(256);
        break;
      case 1:
        result.splice(at, length);
        break;
      case 2:
        result.splice(at, 0, ...result.slice(at, at + length));
        break;
      case 3:
        result.splice(at, 0, 0x30 + random(10));
        break;
      default:
        result = result.slice(0, at);
    }
  }
  return Uint8Array.from(result);
}
