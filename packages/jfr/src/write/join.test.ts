// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import { afterAll, describe, expect, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { decodeHeader } from '../header.ts';
import { findJdks, runJfr } from '../testing/jdk.ts';
import { joinRecordings } from './join.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-join-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A recording with one event of a type of its own; all of them have one clock. */
function recording(name: string, startNanos: bigint): Uint8Array {
  const declaration: EventDeclaration = {
    name: `test.${name}`,
    label: name,
    category: ['Test'],
    fields: [{ name: 'text', type: 'java.lang.String', label: 'Text' }],
  };
  const sink = memorySink();
  const writer = new RecordingWriter(sink, { startNanos, startTicks: startNanos });
  writer.write(writer.event(declaration), startNanos + 5n, `from ${name}`);
  writer.finish();
  return sink.bytes();
}

function starts(bytes: Uint8Array): bigint[] {
  const found: bigint[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = decodeHeader(bytes, at);
    found.push(header.startNanos);
    at += header.size;
  }
  return found;
}

describe('joined recordings', () => {
  it('are ordered by their start, and no two start at once', async () => {
    const sink = memorySink();
    const parts = [recording('Late', 300n), recording('Early', 100n), recording('Same', 100n)];
    const both = memorySink();
    both.append(recording('Next', 101n));
    both.append(recording('Last', 400n));
    parts.push(both.bytes());
    expect(await joinRecordings(parts.map(bufferSource), sink)).toBe(5);
    expect(starts(sink.bytes())).toEqual([100n, 101n, 102n, 300n, 400n]);
    expect(sink.length).toBe(parts.reduce((sum, part) => sum + part.length, 0));
  });

  it('show every type of every part to the JDK', async (context) => {
    const jdks = findJdks();
    if (jdks.length === 0) return context.skip('no JDK on this machine');
    const sink = memorySink();
    // chunks of different writers, whose metadata differ: a reader that reused the first would lose B
    const parts = [recording('A', 1_000n), recording('B', 1_000n), recording('A', 5_000n)];
    await joinRecordings(parts.map(bufferSource), sink);
    const path = join(directory, 'joined.jfr');
    writeFileSync(path, sink.bytes());
    for (const jdk of jdks) {
      const text = runJfr(jdk, 'print', '--events', 'test.*', path).stdout;
      expect(text.match(/from [AB]/g)).toEqual(['from A', 'from B', 'from A']);
    }
  });

  it('must be finished, whole and recordings', async () => {
    const good = recording('Good', 1n);
    const join = (bytes: Uint8Array): Promise<unknown> => {
      const sink = memorySink();
      return joinRecordings([bufferSource(good), bufferSource(bytes)], sink).finally(() =>
        // refused before anything was written
        expect(sink.length).toBe(0),
      );
    };
    const live = good.slice();
    live[64] = 3;
    await expect(join(live)).rejects.toMatchObject({ code: 'JFR_UNFINISHED_CHUNK', offset: 0 });
    await expect(join(good.slice(0, -1))).rejects.toMatchObject({ code: 'JFR_TRUNCATED' });
    await expect(join(good.slice(0, 40))).rejects.toMatchObject({ code: 'JFR_TRUNCATED' });
    const zero = good.slice();
    zero.fill(0, 8, 16);
    await expect(join(zero)).rejects.toMatchObject({ code: 'JFR_CORRUPT' });
    await expect(join(new Uint8Array(200))).rejects.toMatchObject({ code: 'JFR_NOT_A_RECORDING' });
  });
});
