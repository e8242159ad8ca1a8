// SPDX-License-Identifier: Apache-2.0
// Many threads, small buffers, constant rotation. The full size is `npm run stress`; here it is small
// enough for every run. REKINDLE_STRESS="WORKERS EVENTS ROUNDS" changes it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counts, JDKS, jfr } from './testing/jdk.ts';

const [WORKERS = 3, EVENTS = 20_000, ROUNDS = 2] = (process.env.REKINDLE_STRESS ?? '')
  .split(' ')
  .filter(Boolean)
  .map(Number);
const PROGRAM = fileURLToPath(new URL('./testing/programs/stress.mjs', import.meta.url));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stress-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Report {
  readonly rotations: number;
  readonly stopMillis: number;
}

function run(file: string, workers: number, events: number, ...more: readonly string[]): Report {
  const said = execFileSync(
    process.execPath,
    [PROGRAM, file, String(workers), String(events), ...more],
    { encoding: 'utf8', env: { ...process.env, REPOSITORY: directory }, timeout: 600_000 },
  );
  return JSON.parse(said) as Report;
}

describe('a recording under stress', () => {
  it.each(Array.from({ length: ROUNDS }, (_, round) => round))(
    'round %i: has every event exactly once, with its constants',
    async () => {
      const file = join(directory, 'stress.jfr');
      const report = run(file, WORKERS, EVENTS);
      expect(report.rotations).toBeGreaterThan(0);
      const plain = new Map<number, number>();
      const seen = Array.from({ length: WORKERS }, () => new Uint8Array(EVENTS));
      const recording = await openRecording(readFileSync(file));
      for await (const event of recording.events({ types: ['test.Plain', 'test.Stress'] })) {
        const number = event.get('number') as number;
        const worker = event.get('worker') as number;
        seen[worker]![number]!++;
        const text = event.get('text') as string;
        if (event.name === 'test.Plain') {
          plain.set(text.length, (plain.get(text.length) ?? 0) + 1);
          continue;
        }
        if (text !== `number ${number} of the worker`) throw new Error(`text "${text}"`);
        const thread = event.get('eventThread.javaName');
        if (thread !== `stress ${worker}`) throw new Error(`thread "${thread}"`);
        const frames = event.stackTrace?.frames as { method: { name: string } }[];
        const method = frames[0]!.method.name;
        if (method !== (number % 200 ? 'odd' : 'even')) throw new Error(`method "${method}"`);
      }
      const chunks = recording.places.length;
      expect(chunks).toBeGreaterThan(report.rotations / 2);
      for (const numbers of seen) expect(numbers.every((times) => times === 1)).toBe(true);
      expect([...plain.keys()].sort((a, b) => a - b)).toEqual([25, 29, 20_000]);
      for (const jdk of JDKS) {
        const found = counts(jdk, file);
        expect(found.get('jdk.DataLoss') ?? 0).toBe(0);
        expect(found.get('test.Plain')! + found.get('test.Stress')!).toBe(WORKERS * EVENTS);
      }
    },
    600_000,
  );

  it('survives workers that are terminated in the middle of things', () => {
    const file = join(directory, 'terminated.jfr');
    run(file, 12, 1_000_000, 'terminate');
    for (const jdk of JDKS) {
      expect(counts(jdk, file).get('test.Plain')).toBeGreaterThan(1000);
      jfr(jdk, 'print', '--events', 'test.Stress', file);
    }
  }, 120_000);

  it('leaves nothing in the repository', () => {
    expect(readdirSync(directory).filter((name) => !name.endsWith('.jfr'))).toEqual([]);
  });
});
