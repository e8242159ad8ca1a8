// SPDX-License-Identifier: Apache-2.0
// Damages what @rekindle/memory reads - texts of a guest, and a guest's whole memory - and demands an
// answer or a MemoryError, soon.
import {
  CodeCacheParser,
  CodeListParser,
  FaultLogParser,
  introspect,
  type LineParser,
  MemoryError,
  NativeMemoryParser,
  PerfMapParser,
  parseText,
  readGuestTexts,
} from '../../packages/memory/src/index.ts';
import {
  assembleGuest,
  DRAWN_CODE_LIST,
  DRAWN_FRAMES,
  DRAWN_MAPPINGS,
  DRAWN_NATIVE_MEMORY,
} from '../../packages/memory/src/testing/index.ts';

const SLOW_MS = 2000;

/** xorshift32: the same damage for the same seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export async function run({ runs, seed }: { runs: number; seed: number }): Promise<boolean> {
  const random = randomFrom(seed);
  const encoder = new TextEncoder();
  const guests = [assembleGuest(4), assembleGuest(5), assembleGuest(4, '7.3')].map(
    ({ bytes }) => bytes,
  );
  const damaged = (bytes: Uint8Array, most: number): Uint8Array => {
    const copy = bytes.slice();
    for (let i = random(most) + 1; i > 0; i--) copy[random(copy.length)] = random(256);
    return copy;
  };
  const log = 'UFFD_EVENT_PAGEFAULT (r): [7] 0x1000 0x1000  Loading: 0x1000 - 0x2000\n'.repeat(4);
  const perfMap = '0x00007f4398ec7180 0x0000000000000078 void java.lang.Object.<init>()\n'.repeat(
    4,
  );
  const heaps = "CodeHeap 'x': size=8Kb used=4Kb max_used=4Kb free=4Kb\n bounds [0x1, 0x2, 0x3]\n";
  const parse = (parser: LineParser<unknown>, text: string): void =>
    void parseText(parser, damaged(encoder.encode(text), 20));
  const targets: readonly (() => void)[] = [
    () =>
      void readGuestTexts({
        mappings: damaged(encoder.encode(DRAWN_MAPPINGS), 20),
        frames: damaged(encoder.encode(DRAWN_FRAMES), 20),
        jvms: [
          {
            nativeMemory: damaged(encoder.encode(DRAWN_NATIVE_MEMORY), 20),
            codeList: damaged(encoder.encode(DRAWN_CODE_LIST), 20),
          },
        ],
        maxPhysicalBytes: 2 ** 30,
      }).memory.ownership.totals(),
    () => parse(new NativeMemoryParser(), DRAWN_NATIVE_MEMORY),
    () => parse(new CodeListParser(), DRAWN_CODE_LIST),
    () => parse(new PerfMapParser(), perfMap),
    () => parse(new CodeCacheParser(), heaps),
    () => parse(new FaultLogParser(), log),
    () => {
      const guest = guests[random(guests.length)] as Uint8Array;
      const bytes = guest.slice();
      // What is read lies in the first 64 frames.
      bytes.set(damaged(bytes.subarray(0, 64 * 4096), 300));
      introspect({
        byteLength: bytes.length,
        slice: (start, end) => bytes.subarray(start, end),
      }).memory.ownership.totals();
    },
  ];
  for (let i = 0; i < runs; i++) {
    const target = random(targets.length);
    const start = performance.now();
    try {
      targets[target]?.();
    } catch (error) {
      if (!(error instanceof MemoryError) || error.hint === '') {
        console.error(`run ${i}, target ${target}:`, error);
        return false;
      }
    }
    const elapsed = performance.now() - start;
    if (elapsed > SLOW_MS) {
      console.error(`run ${i}, target ${target}: ${elapsed.toFixed(0)} ms`);
      return false;
    }
  }
  return true;
}
