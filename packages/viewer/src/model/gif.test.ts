// SPDX-License-Identifier: Apache-2.0
// The reader here knows nothing of the writer. (The browser's own reader judges it in e2e/viewer-files.test.ts.)
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GifWriter } from './gif.ts';

interface Decoded {
  readonly width: number;
  readonly height: number;
  readonly delays: number[];
  /** 0xbbggrr per pixel, of each frame laid over those before. */
  readonly frames: number[][];
}

function decode(bytes: Uint8Array): Decoded {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ascii = (at: number, length: number) =>
    String.fromCharCode(...bytes.subarray(at, at + length));
  expect(ascii(0, 6)).toBe('GIF89a');
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  const colour = (index: number) => {
    const at = 13 + index * 3;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
  };
  const screen = new Array<number>(width * height).fill(-1);
  const [delays, frames]: [number[], number[][]] = [[], []];
  let at = 13 + 768;
  let transparent = -1;
  for (;;) {
    const introducer = bytes[at++]!;
    if (introducer === 0x3b) break;
    if (introducer === 0x21) {
      if (bytes[at] === 0xf9) {
        delays.push(view.getUint16(at + 3, true));
        transparent = bytes[at + 5]!;
      }
      at++;
      while (bytes[at] !== 0) at += bytes[at]! + 1;
      at++;
      continue;
    }
    expect(introducer).toBe(0x2c);
    const [left, top, w, h] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
      number,
    ];
    at += 9;
    expect(bytes[at++]).toBe(8);
    const data: number[] = [];
    while (bytes[at] !== 0) {
      data.push(...bytes.subarray(at + 1, at + 1 + bytes[at]!));
      at += bytes[at]! + 1;
    }
    at++;
    const indices = unpack(data);
    expect(indices).toHaveLength(w * h);
    indices.forEach((index, i) => {
      if (index === transparent) return;
      screen[(top + Math.floor(i / w)) * width + left + (i % w)] = colour(index);
    });
    frames.push([...screen]);
  }
  expect(at).toBe(bytes.length);
  return { width, height, delays, frames };
}

function unpack(data: readonly number[]): number[] {
  const out: number[] = [];
  let table: number[][] = [];
  let [size, bit] = [9, 0];
  let previous: number[] | undefined;
  for (;;) {
    let code = 0;
    for (let i = 0; i < size; i++, bit++) code |= ((data[bit >> 3]! >> (bit & 7)) & 1) << i;
    if (code === 257) return out;
    if (code === 256) {
      table = Array.from({ length: 258 }, (_, i) => [i]);
      [size, previous] = [9, undefined];
      continue;
    }
    const entry: number[] = table[code] ?? [...previous!, previous![0]!];
    out.push(...entry);
    if (previous !== undefined && table.length < 4096) table.push([...previous, entry[0]!]);
    if (table.length === 1 << size && size < 12) size++;
    previous = entry;
  }
}

describe('a GIF', () => {
  it('shows the frames that were given', () => {
    const gif = new GifWriter(2, 2, [0xff0000ff, 0xff00ff00, 0xffff0000, 0xff000000, 0xffffffff]);
    gif.add(Uint32Array.of(0xff0000ff, 0xff00ff00, 0xffff0000, 0xff000000), 8);
    gif.add(Uint32Array.of(0xff0000ff, 0xff00ff00, 0xffff0000, 0xffffffff), 250);
    gif.add(Uint32Array.of(0xff0000ff, 0xff00ff00, 0xffff0000, 0xffffffff), 1);
    expect(decode(gif.finish())).toEqual({
      width: 2,
      height: 2,
      delays: [8, 250, 1],
      frames: [
        [0x0000ff, 0x00ff00, 0xff0000, 0x000000],
        [0x0000ff, 0x00ff00, 0xff0000, 0xffffff],
        [0x0000ff, 0x00ff00, 0xff0000, 0xffffff],
      ],
    });
  });

  it('shows any frames of few colours exactly, whatever they compress to', () => {
    const shape = fc.record({
      width: fc.integer({ min: 1, max: 90 }),
      colours: fc.integer({ min: 1, max: 250 }),
    });
    fc.assert(
      fc.property(shape, fc.nat(0xffff), ({ width, colours }, seed) => {
        const height = 1 + (seed % 97);
        let state = seed + 1;
        const next = () => {
          state = (Math.imul(state, 1103515245) + 12345) >>> 0;
          return state >>> 16;
        };
        const frames = Array.from({ length: 3 }, () =>
          Uint32Array.from({ length: width * height }, () => 0xff000000 + (next() % colours) * 257),
        );
        const gif = new GifWriter(width, height, new Set(frames.flatMap((each) => [...each])));
        for (const frame of frames) gif.add(frame, 4);
        const expected = frames.map((frame) => [...frame].map((word) => word & 0xffffff));
        expect(decode(gif.finish()).frames).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('rounds colours that it was not told to keep, and takes the nearest when there are too many', () => {
    const grey = (level: number) => 0xff000000 + level * 0x010101;
    const first = new GifWriter(4, 1, [grey(1), grey(2)]);
    first.add(Uint32Array.of(grey(1), grey(2), grey(3), grey(100)), 1);
    expect(decode(first.finish()).frames[0]).toEqual([0x010101, 0x020202, 0, 0x606060]);
    const reds = Array.from({ length: 255 }, (_, i) => 0xff000000 + i);
    const full = new GifWriter(2, 1, reds);
    full.add(Uint32Array.of(0xff0000ff, 0xff00ff00), 1);
    expect(decode(full.finish()).frames[0]).toEqual([0xf8, 0]);
  });

  it('has a size', () => {
    expect(() => new GifWriter(0, 5)).toThrow(RangeError);
    expect(() => new GifWriter(5, 70_000)).toThrow(RangeError);
  });
});
