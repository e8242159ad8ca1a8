// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Chunk } from './chunk.ts';
import type { Column } from './column.ts';
import { openRecording } from './recording.ts';
import { oddRecordings, oracleLines } from './testing/corpus.ts';
import { newestJdk, runJfr } from './testing/jdk.ts';
import { oracleLine } from './testing/oracle-line.ts';
import type { Struct } from './value.ts';

const recordings = oddRecordings();
const jdk = newestJdk(17);

if (recordings.length === 0) {
  test('recordings of the JDK', (context) => context.skip('no JDK of 17 or newer on this machine'));
}

for (const { name, path } of recordings) {
  test(`every value of every event equals what jdk.jfr.consumer reads (${name})`, async () => {
    const lines = oracleLines(path);
    const recording = await openRecording(readFileSync(path));
    let row = 0;
    let clock: Chunk | undefined;
    for await (const chunk of recording.chunks()) {
      clock ??= chunk;
      for (const event of chunk.events()) expect(oracleLine(event, clock)).toBe(lines[row++]);
    }
    expect(row).toBe(lines.length);
    expect(row).toBeGreaterThan(1000);
  });

  test(`the summary equals that of jfr summary (${name})`, async () => {
    const { stdout } = runJfr(jdk!, 'summary', path);
    const expected = new Map<string, string>();
    for (const [, type, counts] of stdout.matchAll(/^ (\S+\.\S+) +(\d+ +\d+)/gm)) {
      expected.set(type!, counts!.replace(/ +/, ' '));
    }
    const summary = await (await openRecording(readFileSync(path))).summary();
    const got = new Map(summary.events.map((type) => [type.name, `${type.count} ${type.bytes}`]));
    expect(got).toEqual(expected);
    expect(stdout).toContain(` Chunks: ${summary.chunks}\n`);
    expect(stdout).toContain(` Version: ${summary.version}\n`);
  });

  test(`columns, compiled and interpreted, equal the objects (${name})`, async () => {
    const bytes = readFileSync(path);
    const compiled = await openRecording(bytes, { decode: 'compiled' });
    const plain = await openRecording(bytes, { decode: 'interpreted' });
    let cells = 0;
    for (const { index } of compiled.places) {
      const [one, other] = [await compiled.chunk(index), await plain.chunk(index)];
      for (const type of one.eventTypes) {
        if (one.count(type.name) === 0) continue;
        const columns = one.columns(type.name);
        const judge = other.columns(type.name);
        const objects = [...one.events({ types: [type.name] })];
        expect(columns.length).toBe(objects.length);
        expect(columns.all.map((column) => column.name)).toEqual(judge.all.map((c) => c.name));
        for (const [at, column] of columns.all.entries()) {
          expect(content(column)).toEqual(content(judge.all[at]!));
          for (const [row, object] of objects.entries()) {
            expect(JSON.stringify(column.get(row), exact)).toBe(
              JSON.stringify(object.get(column.name), exact),
            );
            cells++;
          }
        }
      }
    }
    expect(cells).toBeGreaterThan(5000);
  });

  test(`frames as columns, compiled and interpreted, equal the objects (${name})`, async () => {
    const bytes = readFileSync(path);
    let rows = 0;
    for (const decode of ['compiled', 'interpreted'] as const) {
      for await (const chunk of (await openRecording(bytes, { decode })).chunks()) {
        const pool = chunk.pool('jdk.types.StackTrace')!;
        // every other stack, the last one first, and one that is not there
        const stacks = Array.from({ length: pool.length }, (_, at) => pool.length - 1 - at);
        const wanted = [...stacks.filter((at) => at % 2 === 0), -1];
        const { starts, columns } = chunk.elements('jdk.types.StackTrace', 'frames', wanted);
        const some = chunk.elements('jdk.types.StackTrace', 'frames', wanted, ['lineNumber']);
        expect(some.columns.all.map((column) => column.name)).toEqual(['lineNumber']);
        expect(some.columns.numbers('lineNumber')).toEqual(columns.numbers('lineNumber'));
        for (const [at, stack] of wanted.entries()) {
          const trace = pool.get(stack) as { frames: Struct[] } | null;
          const frames = trace?.frames ?? [];
          expect(starts[at + 1]! - starts[at]!).toBe(frames.length);
          for (const [index, frame] of frames.entries()) {
            const row = starts[at]! + index;
            for (const column of columns.all) {
              expect(column.get(row)).toEqual(frame[column.name]);
              rows++;
            }
          }
        }
      }
    }
    expect(rows).toBeGreaterThan(1000);
  });
}

test('elements of what is not there are refused', async (context) => {
  const [recording] = recordings;
  if (recording === undefined) return context.skip('no JDK of 17 or newer on this machine');
  const chunk = await (await openRecording(readFileSync(recording.path))).chunk(0);
  for (const [type, array, fields] of [
    ['jdk.types.Nothing', 'frames', undefined],
    ['jdk.types.StackTrace', 'nothing', undefined],
    ['jdk.types.StackTrace', 'truncated', undefined],
    ['jdk.types.StackTrace', 'frames', ['nothing']],
  ] as const) {
    expect(() => chunk.elements(type, array, [0], fields)).toThrow(
      expect.objectContaining({ code: 'JFR_UNKNOWN_NAME' }),
    );
  }
});

function exact(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return Object.is(value, -0) ? '-0' : value;
}

/** What a column holds, without the functions. */
function content(column: Column): unknown {
  const { kind, name, length } = column;
  if ('indices' in column) return { kind, name, length, indices: column.indices };
  if ('values' in column) return { kind, name, length, values: column.values };
  return { kind, name, length };
}
