// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileSource } from '@rekindle/bytes/node';
import { expect, test } from 'vitest';
import { columnsInParallel } from './parallel.ts';
import { openRecording } from './recording.ts';
import { oddRecordings } from './testing/corpus.ts';

const recordings = oddRecordings();
if (recordings.length === 0) {
  test('columns on threads', (context) => context.skip('no JDK of 17 or newer on this machine'));
}

for (const { name, path } of recordings) {
  test(`columns from threads equal those from here (${name})`, async () => {
    const requests = [
      { event: 'odd.Scalars' },
      { event: 'odd.Deep', fields: ['stackTrace', 'note'] },
      { event: 'jdk.GCHeapSummary' },
      { event: 'no.such.Event' },
    ];
    const { columns, losses } = await columnsInParallel(path, requests, { workers: 2 });
    expect(losses).toEqual([]);
    const source = openFileSource(path);
    try {
      const recording = await openRecording(source);
      for (const [at, { event, fields }] of requests.entries()) {
        const here = await recording.columns(event, fields);
        const there = columns[at]!;
        expect(there.length).toBe(here.length);
        expect(there.all.map((column) => column.name)).toEqual(here.all.map((c) => c.name));
        for (const column of there.all) {
          for (let row = 0; row < there.length; row++) {
            expect(plain(column.get(row))).toBe(plain(here.get(column.name).get(row)));
          }
        }
      }
      expect(columns[0]!.length).toBeGreaterThan(100);
    } finally {
      source.close();
    }
  });
}

test('damage found on a thread is the error it is here', async (context) => {
  const [real] = recordings;
  if (real === undefined) return context.skip('no JDK of 17 or newer on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-parallel-'));
  try {
    const source = openFileSource(real.path);
    const bytes = source.slice(0, source.byteLength);
    source.close();
    bytes.fill(0, 5000, 5100);
    const path = join(folder, 'damaged.jfr');
    writeFileSync(path, bytes);
    const request = [{ event: 'odd.Deep' }];
    await expect(columnsInParallel(path, request)).rejects.toMatchObject({
      name: 'JfrError',
      chunk: 0,
    });
    const { columns, losses } = await columnsInParallel(path, request, { mode: 'salvage' });
    expect(losses.length).toBeGreaterThan(0);
    expect(columns[0]!.length).toBeGreaterThan(5);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function plain(value: unknown): string {
  return JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return `${item}n`;
    return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
  });
}
