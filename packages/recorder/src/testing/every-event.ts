// SPDX-License-Identifier: Apache-2.0
// Workers that commit as fast as they can under constant flushes and rotations, and the judges of what
// they left: every event exactly once, every constant resolved. For the tests and for `npm run stress`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JfrEvent, openRecording } from '@rekindle/jfr';
import type { Jdk } from './jdk.ts';

const PROGRAMS = fileURLToPath(new URL('./programs/', import.meta.url));
/** Lengths of the texts of test.Plain, to know them without comparing 8 million. */
const LENGTHS = [25, 29, 20_000];

export interface StressSize {
  readonly workers: number;
  /** Of each worker. */
  readonly events: number;
  readonly rotateMillis: number;
  readonly flushMillis: number;
}

export interface StressReport {
  readonly rotations: number;
  readonly stopMillis: number;
  readonly commitMillis: number;
  readonly peakMegabytes: number;
}

/** Makes a recording; with `terminate`, of workers that are ended at random. */
export function makeStressed(
  file: string,
  repository: string,
  size: StressSize,
  ...terminate: readonly 'terminate'[]
): StressReport {
  const numbers = [size.workers, size.events, size.rotateMillis, size.flushMillis].map(String);
  const said = execFileSync(
    process.execPath,
    [join(PROGRAMS, 'stress.mjs'), file, ...numbers, ...terminate],
    { encoding: 'utf8', env: { ...process.env, REPOSITORY: repository }, timeout: 600_000 },
  );
  return JSON.parse(said) as StressReport;
}

/** Throws at the first thing that is wrong; answers the number of chunks. */
export async function judgeOurselves(file: string, size: StressSize): Promise<number> {
  const seen = Array.from({ length: size.workers }, () => new Uint8Array(size.events));
  const recording = await openRecording(readFileSync(file));
  const types = ['test.Plain', 'test.Stress', 'jdk.DataLoss'];
  for await (const event of recording.events({ types })) {
    if (event.name === 'jdk.DataLoss') throw new Error(`${event.get('amount')} bytes lost`);
    const number = event.get('number') as number;
    const worker = event.get('worker') as number;
    const times = ++seen[worker]![number]!;
    if (times > 1) throw new Error(`event ${number} of worker ${worker} is there ${times} times`);
    checkConstants(event, worker, number);
  }
  for (const [worker, numbers] of seen.entries()) {
    const missing = numbers.indexOf(0);
    if (missing >= 0) throw new Error(`event ${missing} of worker ${worker} is missing`);
  }
  return recording.places.length;
}

/**
 * Of workers that were terminated: what each had committed is there from its first event on, once, up to
 * where it was ended; unless the recording says that it lost something. Answers the number of events.
 */
export async function judgeTerminated(file: string): Promise<number> {
  const seen = new Map<number, Set<number>>();
  let events = 0;
  let lost = 0;
  const recording = await openRecording(readFileSync(file));
  const types = ['test.Plain', 'test.Stress', 'jdk.DataLoss'];
  for await (const event of recording.events({ types })) {
    if (event.name === 'jdk.DataLoss') {
      lost = Number(event.get('total'));
      continue;
    }
    const number = event.get('number') as number;
    const worker = event.get('worker') as number;
    const numbers = seen.get(worker) ?? new Set();
    seen.set(worker, numbers.add(number));
    events++;
    checkConstants(event, worker, number);
  }
  const distinct = [...seen.values()].reduce((sum, numbers) => sum + numbers.size, 0);
  if (distinct < events) throw new Error(`${events - distinct} events are there twice`);
  for (const [worker, numbers] of seen) {
    // as many as there are, and the last of them is that number: none is missing
    const last = numbers.size - 1;
    if (!numbers.has(last) && lost === 0) throw new Error(`events of worker ${worker} are missing`);
  }
  return events;
}

function checkConstants(event: JfrEvent, worker: number, number: number): void {
  const text = event.get('text') as string;
  if (event.name === 'test.Plain') {
    if (!LENGTHS.includes(text.length)) throw new Error(`text "${text}"`);
    return;
  }
  if (text !== `number ${number} of the worker`) throw new Error(`text "${text}"`);
  const thread = event.get('eventThread.javaName');
  if (thread !== `stress ${worker}`) throw new Error(`thread "${thread}"`);
  const frames = event.stackTrace?.frames as { method: { name: string } }[];
  const method = frames[0]!.method.name;
  if (method !== (number % 200 ? 'odd' : 'even')) throw new Error(`method "${method}"`);
}

/** Has a JDK's reader check the same of many files; throws what it found wrong. */
export function judgeByJdk(jdk: Jdk, files: readonly string[], size: StressSize): void {
  const said = execFileSync(
    join(jdk.home, 'bin/java'),
    [
      '-Xmx2g',
      join(PROGRAMS, 'EveryEvent.java'),
      String(size.workers),
      String(size.events),
      ...files,
    ],
    { encoding: 'utf8', timeout: 900_000, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const counts = said.trim().split('\n').map(Number);
  if (counts.length !== files.length || counts.some((n) => n !== size.workers * size.events)) {
    throw new Error(`JDK ${jdk.version} counts ${counts.join(', ')}`);
  }
}
