// SPDX-License-Identifier: Apache-2.0
// What is repaired must be readable by the JDK, to the last event that was whole.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteCursor, bufferSource } from '@rekindle/bytes';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { JfrError } from '../error.ts';
import { decodeHeader } from '../header.ts';
import { openRecording } from '../recording.ts';
import { oddRecordings } from '../testing/corpus.ts';
import { runJava } from '../testing/java.ts';
import { findJdks, jdkOf, runJfr } from '../testing/jdk.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ConstantPools } from './constant-pools.ts';
import { compileEncoder } from './encoder-compile.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';
import { EventRegistry } from './registry.ts';
import { type Repaired, repair } from './repair.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-repair-'));
afterAll(() => rmSync(directory, { recursive: true }));

const Step = {
  name: 'test.Step',
  label: 'Step',
  category: ['Test'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'number', type: 'long', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
} as const;

/** Two chunks and a bit: events with threads, stacks and strings. */
function good(events = 120, maxChunkBytes = 12_000): Uint8Array {
  const sink = memorySink();
  const writer = new RecordingWriter(sink, {
    startNanos: 1_700_000_000_000_000_000n,
    maxChunkBytes,
  });
  const step = writer.event(Step);
  for (let number = 0; number < events; number++) {
    const { pools } = writer;
    const thread = pools.thread({ osThreadId: 1 + (number % 3), javaName: `worker ${number % 3}` });
    const type = pools.class({ name: 'app.Main' });
    const stack = pools.stackTrace([
      { method: pools.method({ type, name: 'run' }), lineNumber: number },
    ]);
    writer.write(step, number * 100, 50, thread, stack, number, pools.string(`text ${number}`));
  }
  writer.finish();
  return sink.bytes().slice();
}

function metadataEnd(chunk: Uint8Array): number {
  const { metadataPosition } = decodeHeader(chunk);
  return metadataPosition + new ByteCursor(chunk, metadataPosition).varint();
}

async function repaired(bytes: Uint8Array): Promise<Repaired & { readonly bytes: Uint8Array }> {
  const sink = memorySink();
  const result = await repair(bufferSource(bytes), sink);
  return { ...result, bytes: sink.bytes().slice() };
}

/** Reads with the JDKs present; all must agree on the number of events. */
function jdkCounts(files: readonly Uint8Array[]): string[][] {
  const paths = files.map((bytes, index) => {
    const path = join(directory, `${index}.jfr`);
    writeFileSync(path, bytes);
    return path;
  });
  return findJdks().map((jdk) =>
    runJava(jdk, 'Count', ...paths)
      .trimEnd()
      .split('\n'),
  );
}

describe('repair', () => {
  it('keeps a sound recording as it is, event for event', async (context) => {
    const jdk = jdkOf(25);
    if (jdk === undefined) return context.skip('no JDK 25 on this machine');
    const { path } = oddRecordings().at(-1)!;
    const result = await repaired(readFileSync(path));
    expect(result.losses).toEqual([]);
    const copy = join(directory, 'copy.jfr');
    writeFileSync(copy, result.bytes);
    const [before, after] = [path, copy].map((one) => runJfr(jdk, 'print', '--json', one));
    expect(after!.stderr).toBe('');
    expect(after!.stdout === before!.stdout).toBe(true);
  });

  it('finishes what a dead writer left, the events after its last flush included', async (context) => {
    if (findJdks().length === 0) return context.skip('no JDK on this machine');
    const sink = memorySink();
    const registry = new EventRegistry([Step]);
    const pools = new ConstantPools(registry);
    const chunks = new ChunkWriter(registry, pools);
    const encode = compileEncoder(registry.register(Step));
    const bytes = new Uint8Array(1000);
    const write = (number: number): void => {
      const end = encode(bytes, 0, 1000, number * 1000, 10, null, null, number, 'text');
      chunks.appendEvents(bytes.subarray(0, end));
    };
    chunks.begin(sink, { startNanos: 1_700_000_000_000_000_000n, startTicks: 0 });
    for (let number = 1; number <= 5; number++) write(number);
    chunks.flush(6_000);
    for (let number = 6; number <= 8; number++) write(number);
    // torn in the middle of the last event
    const result = await repaired(sink.bytes().slice(0, -3));
    expect(result).toMatchObject({ chunks: 1, events: 7 });
    expect(result.losses.map(({ code }) => code)).toContain('JFR_UNFINISHED_CHUNK');
    expect(decodeHeader(result.bytes)).toMatchObject({ state: 0, durationNanos: 7_010n });
    for (const counts of jdkCounts([result.bytes])) expect(counts).toEqual(['7']);
  });

  it('makes the JDK read what was truncated, zeroed or overwritten', async (context) => {
    if (findJdks().length === 0) return context.skip('no JDK on this machine');
    const whole = good(300, 1 << 20);
    // Behind the metadata: of metadata that was hit, something like one in 5000 still makes sense here
    // and not to the JDK, which would be one run of this test in twenty.
    const behind = metadataEnd(whole);
    const damages = fc.oneof(
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.nat(40) }),
      fc.record({ kind: fc.constant('zero' as const), at: fc.nat(), length: fc.nat(40) }),
      fc.record({ kind: fc.constant('noise' as const), at: fc.nat(), length: fc.nat(40) }),
    );
    const files: Uint8Array[] = [];
    const wanted: string[] = [];
    for (const { kind, at, length } of fc.sample(damages, { numRuns: 400, seed: 42 })) {
      const bytes = whole.slice();
      const from = behind + (at % (bytes.length - behind));
      if (kind === 'zero') bytes.fill(0, from, from + length);
      if (kind === 'noise')
        for (let i = 0; i < length; i++) bytes[from + i]! ^= (at >> (i % 24)) | 1;
      const result = await repaired(kind === 'cut' ? bytes.subarray(0, from) : bytes);
      if (result.chunks === 0) continue;
      expect(result.bytes.length).toBeGreaterThan(0);
      files.push(result.bytes);
      wanted.push(String(result.events));
    }
    expect(files.length).toBeGreaterThan(350);
    for (const counts of jdkCounts(files)) expect(counts).toEqual(wanted);
  }, 120_000);

  it('gives something that is read strictly, whatever it was given', async () => {
    const whole = good(20, 4_000);
    const mutation = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(mutation, { maxLength: 8 }),
        fc.nat(whole.length),
        async (all, cut) => {
          const bytes = whole.slice(0, cut === 0 ? undefined : cut);
          for (const { at, value } of all) if (at < bytes.length) bytes[at] = value;
          const result = await repaired(bytes);
          if (result.chunks === 0) {
            expect(result.bytes).toHaveLength(0);
            return;
          }
          const recording = await openRecording(result.bytes);
          let events = 0;
          for await (const event of recording.events()) {
            expect(event.fields).toBeDefined();
            events++;
          }
          expect(events).toBe(result.events);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('says so when there is nothing to save', async () => {
    const result = await repaired(new Uint8Array(5000));
    expect(result).toMatchObject({ chunks: 0, events: 0 });
    expect(result.losses.map(({ code }) => code)).toContain('JFR_NOT_A_RECORDING');
    expect(result.bytes).toHaveLength(0);
    await expect(openRecording(new Uint8Array(5000))).rejects.toThrow(JfrError);
  });
});
