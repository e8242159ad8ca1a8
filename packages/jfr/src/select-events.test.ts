// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { openFileSource } from '@rekindle/bytes/node';
import { expect, test } from 'vitest';
import type { Chunk } from './chunk.ts';
import type { Columns } from './column.ts';
import type { JfrEvent } from './event.ts';
import { openRecording } from './recording.ts';
import type { EventFilter } from './select-events.ts';
import { oddRecordings } from './testing/corpus.ts';
import { isStruct, type Struct, valueAt } from './value.ts';

const recordings = oddRecordings();
if (recordings.length === 0) {
  test('filters', (context) => context.skip('no JDK of 17 or newer on this machine'));
}

const isWorker = (thread: Struct): boolean => String(thread.javaName).startsWith('worker');

for (const { name, path } of recordings) {
  test(`filters choose what looking at every event chooses (${name})`, async () => {
    const recording = await openRecording(readFileSync(path));
    const middle = recording.startNanos + recording.durationNanos / 2n;
    const threadOf = (event: JfrEvent): boolean => {
      const thread = event.thread;
      return isStruct(thread) && isWorker(thread);
    };
    const cases: [EventFilter, (event: JfrEvent) => boolean][] = [
      [{ types: ['odd.Scalars'] }, (event) => event.name === 'odd.Scalars'],
      [{ types: ['odd.Late', 'no.such.Type'] }, (event) => event.name === 'odd.Late'],
      [{ from: middle }, (event) => event.startNanos >= middle],
      [{ to: middle }, (event) => event.startNanos < middle],
      [{ from: middle, to: middle }, () => false],
      [{ thread: isWorker }, threadOf],
      [
        { types: ['jdk.ObjectAllocationSample'], from: middle, thread: isWorker },
        (event) =>
          event.name === 'jdk.ObjectAllocationSample' &&
          event.startNanos >= middle &&
          threadOf(event),
      ],
    ];
    let chosen = 0;
    for (const [filter, wanted] of cases) {
      for await (const chunk of recording.chunks()) {
        const expected = [...chunk.events()].filter(wanted).map(({ offset }) => offset);
        expect([...chunk.events(filter)].map(({ offset }) => offset)).toEqual(expected);
        chosen += expected.length;
      }
    }
    expect(chosen).toBeGreaterThan(1000);
  });

  test(`what is sifted from a file equals what is read whole (${name})`, async () => {
    const source = openFileSource(path);
    try {
      const sifted = await openRecording(source);
      const whole = await openRecording(readFileSync(path));
      for (const type of ['odd.Scalars', 'jdk.GCHeapSummary', 'jdk.ExecutionSample', 'odd.Deep']) {
        const one = await sifted.columns(type);
        const other = await whole.columns(type);
        expect(one.length).toBe(other.length);
        for (const column of one.all) {
          for (let row = 0; row < one.length; row++) {
            expect(plain(column.get(row))).toBe(plain(other.get(column.name).get(row)));
          }
        }
      }
    } finally {
      source.close();
    }
  });

  test(`chunks that take over each other's memory say the same while they last (${name})`, async () => {
    const source = openFileSource(path);
    const types = ['odd.Scalars', 'jdk.ExecutionSample', 'odd.Deep'];
    const rowsOf = (chunk: Chunk): string[] =>
      types.flatMap((type) => {
        const { all, length } = chunk.columns(type);
        return all.flatMap((column) =>
          Array.from({ length }, (_, row) => `${column.name} ${plain(column.get(row))}`),
        );
      });
    try {
      const recording = await openRecording(source);
      const expected: string[][] = [];
      for await (const chunk of recording.chunks(types)) expected.push(rowsOf(chunk));
      // twice: the second time in memory that the first has left
      for (let round = 0; round < 2; round++) {
        const seen: string[][] = [];
        const chunks: Chunk[] = [];
        const columns: Columns[] = [];
        for await (const chunk of recording.chunks(types, { reuse: true })) {
          seen.push(rowsOf(chunk));
          chunks.push(chunk);
          columns.push(chunk.columns('odd.Deep'));
        }
        expect(seen).toEqual(expected);
        for (const chunk of chunks) {
          const released = expect.objectContaining({ code: 'JFR_RELEASED' });
          expect(() => chunk.bytes).toThrow(released);
          expect(() => chunk.columns('odd.Deep')).toThrow(released);
          expect(() => [...chunk.events()]).toThrow(released);
        }
        for (const { length, all } of columns) {
          for (const column of all) {
            if ('indices' in column) expect(column.indices.length).toBe(0);
            if (column.kind === 'value' && length > 0) expect(column.offsets.length).toBe(0);
          }
        }
      }
      expect(expected.flat().length).toBeGreaterThan(100);
    } finally {
      source.close();
    }
  });

  test(`parts have every event once, with its constants (${name})`, async () => {
    const source = openFileSource(path);
    try {
      const lines: string[] = [];
      const whole = await openRecording(readFileSync(path));
      for await (const event of whole.events()) lines.push(plain(event.fields));
      const seen: string[] = [];
      let parts = 0;
      const recording = await openRecording(source);
      for await (const part of recording.parts(10_000)) {
        parts++;
        for (const event of part.events()) seen.push(plain(event.fields));
        for (const { name: type } of part.eventTypes) part.columns(type);
      }
      expect(seen).toEqual(lines);
      expect(parts).toBeGreaterThan(10);
    } finally {
      source.close();
    }
  });

  test(`times of joined columns are nanoseconds since the recording began (${name})`, async () => {
    const recording = await openRecording(readFileSync(path));
    const columns = await recording.columns('odd.Deep');
    const starts = columns.numbers('startTime');
    let row = 0;
    for await (const event of recording.events({ types: ['odd.Deep'] })) {
      expect(recording.startNanos + BigInt(starts[row]!)).toBe(event.startNanos);
      expect(columns.text('note', row)).toBe(valueAt(event.fields, 'note'));
      row++;
    }
    expect(row).toBe(columns.length);
    expect(row).toBeGreaterThan(5);
  });
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return `${item}n`;
    return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
  });
}
