// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of recordings: mutated files, everything read. What may not happen: a hang (a run of
// more than a second of processor time), an error that is no JfrError, any error at all while salvaging,
// more than 512 MB of memory.
//
// A failing run prints its seed; `npm run fuzz -- jfr --runs 1 --seed S` is that run again.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ByteSource, bufferSource } from '../../packages/bytes/src/index.ts';
import { isStruct, JfrError, openRecording, toObject } from '../../packages/jfr/src/index.ts';
import { makeSeeds, type Seed } from './jfr-seeds.ts';

const HANG_MILLIS = 1000;
const MEMORY_BYTES = 512 * 2 ** 20;
/** Runs between lines of progress. */
const PROGRESS = 50_000;
/** Silence after which the child is taken for hung. */
const SILENCE_MILLIS = 20_000;

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
}

/** Runs in a child process, so that a hang or a crash is seen; true when nothing was found. */
export async function run({ runs, seed }: FuzzOptions): Promise<boolean> {
  const child = fork(fileURLToPath(import.meta.url), [String(runs), String(seed)], {
    execArgv: ['--conditions=@rekindle/source', '--import', 'tsx', '--max-old-space-size=512'],
  });
  let done = 0;
  let heard = Date.now();
  let finished = false;
  child.on('message', (message: { done: number; finished?: boolean }) => {
    ({ done } = message);
    finished ||= message.finished === true;
    heard = Date.now();
  });
  const watch = setInterval(() => {
    if (Date.now() - heard < SILENCE_MILLIS) return;
    console.log(`hang: nothing heard after run ${done} (seed ${seed + done} or one after it)`);
    child.kill('SIGKILL');
  }, 1000);
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  clearInterval(watch);
  return code === 0 && finished;
}

/** A small generator of numbers, the same for the same seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

const BYTES = [0, 1, 2, 3, 4, 5, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff];

function mutate(seed: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let count = 1 + random.below(6); count > 0; count--) {
    const at = random.below(bytes.length);
    const length = 1 + random.below(random.of([2, 8, 64]));
    switch (random.below(11)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 1:
      case 2:
        bytes[at] = random.of(BYTES);
        break;
      case 3:
        bytes = splice(bytes, at, length, new Uint8Array(0));
        break;
      case 4:
        bytes = splice(bytes, at, 0, bytes.slice(at, at + length));
        break;
      case 5:
        for (let index = at; index < at + length && index < bytes.length; index++) {
          bytes[index] = random.below(256);
        }
        break;
      case 6:
        if (random.below(4) === 0) bytes = bytes.slice(0, 1 + at);
        break;
      case 7: {
        const from = random.below(other.length);
        bytes = splice(bytes, at, random.below(2) * length, other.slice(from, from + length));
        break;
      }
      case 8: {
        // a large varint where some count or key may be
        const wide = new Uint8Array(1 + random.below(9)).fill(0xff);
        if (wide.length < 9) wide[wide.length - 1] = 0x7f;
        bytes.set(wide.subarray(0, bytes.length - at), at);
        break;
      }
      case 9: {
        // a field of the header
        const view = new DataView(bytes.buffer);
        const offset = 8 + 8 * random.below(7);
        if (bytes.length < 68) break;
        const values = [0n, 1n, 67n, 68n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, BigInt(at)];
        view.setBigInt64(offset, random.of(values));
        break;
      }
      default:
        bytes.fill(0, at, at + length);
    }
    if (bytes.length === 0) return bytes;
  }
  // mostly the size is right, so that the damage further in is reached
  if (bytes.length >= 68 && random.below(10) > 1 && bytes.length < 2 * seed.length) {
    const view = new DataView(bytes.buffer);
    if (random.below(3) > 0) view.setBigInt64(8, BigInt(bytes.length));
    if (random.below(3) > 0) bytes.set(seed.subarray(0, 8));
    if (random.below(3) > 0) bytes[64] = 0;
  }
  return bytes;
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const end = Math.min(bytes.length, at + remove);
  const result = new Uint8Array(bytes.length - (end - at) + insert.length);
  result.set(bytes.subarray(0, at));
  result.set(insert, at);
  result.set(bytes.subarray(end), at + insert.length);
  return result;
}

interface Tally {
  events: number;
  cells: number;
  losses: number;
  refused: number;
}

/** Bytes that are read into memory of the caller's, as a file is. */
function fileLike(bytes: Uint8Array): ByteSource {
  const { slice } = bufferSource(bytes);
  return {
    byteLength: bytes.length,
    slice,
    read: (start, target) => target.set(bytes.subarray(start, start + target.length)),
  };
}

/** Reads everything there is to read. */
async function readEverything(
  bytes: Uint8Array,
  mode: 'strict' | 'salvage',
  decode: 'compiled' | 'interpreted',
  asFile: boolean,
  tally: Tally,
): Promise<void> {
  const source = asFile ? fileLike(bytes) : bytes;
  const recording = await openRecording(source, { mode, decode });
  const { events } = await recording.summary();
  tally.events += events.length;
  for await (const chunk of recording.chunks()) {
    for (const pool of chunk.pools()) {
      for (let index = 0; index < pool.length; index++) toObject(pool.get(index), 4);
    }
    for (const type of chunk.eventTypes) {
      const columns = chunk.columns(type.name);
      for (const column of columns.all) {
        for (let row = 0; row < column.length; row++) {
          const value = column.get(row);
          if (isStruct(value)) toObject(value, 3);
          tally.cells++;
        }
      }
      const thread = (): boolean => true;
      chunk.columns(type.name, [], { from: 0n, to: 2n ** 62n, thread });
    }
    for (const event of chunk.events()) {
      toObject(event.fields, 3);
      void [event.startNanos, event.endNanos, event.thread, event.stackTrace];
      tally.events++;
    }
  }
  for (const name of ['test.Every', 'fuzz.Event', 'odd.Scalars']) {
    const columns = await recording.columns(name);
    for (const column of columns.all) for (let row = 0; row < column.length; row++) column.get(row);
    for await (const event of recording.events({ types: [name] })) toObject(event.fields, 3);
  }
  tally.losses += recording.losses.length;
}

async function one(
  seeds: readonly Seed[],
  seed: number,
  tally: Tally,
): Promise<string | undefined> {
  const random = new Random(seed);
  // the recordings of the JDK are larger, and slower to read
  const start = random.below(100) < 92 ? random.of(seeds.slice(0, 3)) : random.of(seeds);
  const bytes = mutate(start.bytes, random.of(seeds).bytes, random);
  const decode = random.below(2) === 0 ? 'compiled' : 'interpreted';
  const asFile = random.below(2) === 0;
  for (const mode of ['strict', 'salvage'] as const) {
    const before = process.cpuUsage();
    try {
      await readEverything(bytes, mode, decode, asFile, tally);
    } catch (error) {
      tally.refused++;
      if (!(error instanceof JfrError)) return `${mode}, ${start.name}: ${(error as Error).stack}`;
      if (mode === 'salvage') return `salvage threw, ${start.name}: ${error.stack}`;
    }
    const spent = process.cpuUsage(before);
    const millis = (spent.user + spent.system) / 1000;
    if (millis > HANG_MILLIS)
      return `${mode}, ${start.name}: ${millis.toFixed(0)} ms of processor time`;
  }
  const { rss } = process.memoryUsage();
  return rss > MEMORY_BYTES
    ? `${start.name}: ${(rss / 2 ** 20).toFixed(0)} MB resident`
    : undefined;
}

/** The child: all runs, one after the other. */
async function work(runs: number, first: number): Promise<number> {
  const seeds = await makeSeeds();
  const tally: Tally = { events: 0, cells: 0, losses: 0, refused: 0 };
  const began = Date.now();
  let told = 0;
  for (let index = 0; index < runs; index++) {
    const found = await one(seeds, first + index, tally);
    if (found !== undefined) {
      console.log(`seed ${first + index}: ${found}`);
      return 1;
    }
    if (index > 0 && index % PROGRESS === 0) console.log(`${index} runs, nothing found`);
    if (Date.now() - told > 500) {
      told = Date.now();
      process.send?.({ done: index });
    }
  }
  const seconds = (Date.now() - began) / 1000;
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${runs} runs from seed ${first} on ${seeds.length} recordings in ${seconds.toFixed(0)} s: no hang, no foreign error, peak ${peak.toFixed(0)} MB`,
  );
  console.log(
    `read ${tally.events} events and ${tally.cells} values; ${tally.refused} refusals, ${tally.losses} losses reported`,
  );
  await new Promise((told) => process.send?.({ done: runs, finished: true }, told));
  return 0;
}

if (process.send !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await work(Number(process.argv[2]), Number(process.argv[3]));
  process.disconnect();
}
