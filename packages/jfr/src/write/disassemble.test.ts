// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRecording } from '../recording.ts';
import { jdkOf, runJfr } from '../testing/jdk.ts';
import { disassemble, pieceNames } from './disassemble.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-disassemble-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A recording of so many chunks, of different sizes. */
function recording(chunks: number): Uint8Array {
  const sink = memorySink();
  const writer = new RecordingWriter(sink, { maxChunkBytes: 1 });
  const event = writer.event({
    name: 'test.Text',
    label: 'Text',
    category: [],
    fields: [{ name: 'text', type: 'java.lang.String', label: 'Text' }],
  });
  for (let chunk = 0; chunk < chunks; chunk++) {
    writer.write(event, chunk * 10, 'x'.repeat(((chunk * 7) % 5) * 1000));
  }
  writer.finish();
  return sink.bytes();
}

describe('disassemble', () => {
  const cases: readonly [number, string[], Parameters<typeof disassemble>[1]][] = [
    [7, [], {}],
    [11, ['--max-chunks', '1'], { maxChunks: 1 }],
    [10, ['--max-chunks', '1'], { maxChunks: 1 }],
    [9, ['--max-chunks', '2'], { maxChunks: 2 }],
    [9, ['--max-size', '20000'], { maxBytes: 20_000 }],
    [9, ['--max-size', '1'], { maxBytes: 1 }],
  ];
  it.each(cases)('%d chunks, jfr disassemble %j', async (chunks, options, ours) => {
    const jdk = jdkOf(25);
    const bytes = recording(chunks);
    const { places } = await openRecording(bytes);
    expect(places).toHaveLength(chunks);
    const pieces = disassemble(places, ours);
    expect(pieces.reduce((sum, piece) => sum + piece.chunks, 0)).toBe(chunks);
    if (jdk === undefined) return;
    const folder = join(directory, `${chunks}${options.join('')}`);
    mkdirSync(folder);
    const path = join(directory, 'whole.jfr');
    writeFileSync(path, bytes);
    const run = runJfr(jdk, 'disassemble', '--output', folder, ...options, path);
    expect(run.status, run.stdout).toBe(0);
    const names = pieceNames('whole.jfr', pieces.length);
    expect(readdirSync(folder).sort()).toEqual(names);
    for (const [index, { start, end }] of pieces.entries()) {
      expect(readFileSync(join(folder, names[index]!)).equals(bytes.subarray(start, end))).toBe(
        true,
      );
    }
  });
});
