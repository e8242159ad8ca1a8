// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import { afterAll, describe, expect, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { decodeHeader } from '../header.ts';
import { oddRecordings } from '../testing/corpus.ts';
import { findJdks, jdkOf, runJfr } from '../testing/jdk.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ConstantPools } from './constant-pools.ts';
import { compileEncoder } from './encoder-compile.ts';
import { joinRecordings } from './join.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';
import { EventRegistry } from './registry.ts';

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

/** A recording with one event, 100 ns after the start, whose clock ticks `rate` times a nanosecond. */
function timed(
  declaration: EventDeclaration,
  startNanos: bigint,
  startTicks: bigint,
  rate: bigint,
): Uint8Array {
  const sink = memorySink();
  const registry = new EventRegistry([declaration]);
  const pools = new ConstantPools(registry);
  const chunks = new ChunkWriter(registry, pools);
  chunks.begin(sink, { startNanos, startTicks, ticksPerSecond: rate * 1_000_000_000n });
  const at = (nanos: bigint): bigint => startTicks + nanos * rate;
  const bytes = new Uint8Array(200);
  const end = compileEncoder(registry.register(declaration))(
    bytes,
    0,
    bytes.length,
    at(100n),
    50n * rate,
    pools.string('pooled'),
    at(200n),
    -7,
    300n * rate,
    'inline',
  );
  chunks.appendEvents(bytes.subarray(0, end));
  chunks.finish({ durationNanos: 1_000n, final: true });
  return sink.bytes();
}

function startOf(path: string): bigint {
  return decodeHeader(readFileSync(path)).startNanos;
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

  it('are on one clock, because JDK 25 reads them all by the first', async (context) => {
    const jdks = findJdks();
    if (jdks.length === 0) return context.skip('no JDK on this machine');
    const declaration: EventDeclaration = {
      name: 'test.Timed',
      label: 'Timed',
      category: ['Test'],
      duration: true,
      fields: [
        { name: 'text', type: 'java.lang.String', label: 'Text' },
        { name: 'moment', type: 'long', label: 'Moment', content: 'timestamp-ticks' },
        { name: 'after', type: 'int', label: 'After' },
        { name: 'span', type: 'long', label: 'Span', content: 'timespan-ticks' },
        { name: 'last', type: 'java.lang.String', label: 'Last' },
      ],
    };
    const wall = 1_700_000_000_000_000_000n;
    // a host up for a month, a guest just booted, and one whose ticks are those of a 3 GHz processor
    const host = timed(declaration, wall, 2_592_000_000_000_000n, 1n);
    const guest = timed(declaration, wall + 1_000_000_000n, 5_000_000n, 1n);
    const cycles = timed(declaration, wall + 2_000_000_000n, 77_000_000_000n, 3n);
    const sink = memorySink();
    await joinRecordings([host, guest, cycles].map(bufferSource), sink);
    const path = join(directory, 'clocks.jfr');
    writeFileSync(path, sink.bytes());
    for (const jdk of jdks) {
      const json = runJfr(jdk, 'print', '--json', '--events', 'test.Timed', path);
      expect(json.stderr).toBe('');
      const seconds = ['20', '21', '22'].map((second) => `2023-11-14T22:13:${second}`);
      const { events } = JSON.parse(json.stdout).recording;
      expect(events.map((event: { values: unknown }) => event.values)).toEqual(
        seconds.map((second) => ({
          startTime: `${second}.000000100Z`,
          duration: 'PT0.00000005S',
          text: 'pooled',
          moment: `${second}.000000200Z`,
          after: -7,
          span: 'PT0.0000003S',
          last: 'inline',
        })),
      );
    }
    // bytes untouched where all are of one process
    const own = memorySink();
    await joinRecordings([host, guest, cycles].map(bufferSource), own, { processes: 'one' });
    expect(Buffer.from(own.bytes())).toEqual(Buffer.concat([host, guest, cycles]));
  });

  it('print as each of them does, JVMs of one build or of two', async (context) => {
    const jdk = jdkOf(25);
    if (jdk === undefined) return context.skip('no JDK 25 on this machine');
    // but for ActiveSetting, which names type ids, and the workload's moments centuries away, which the
    // JDK computes in doubles
    const lines = (path: string): string[] => {
      const { stdout, stderr } = runJfr(jdk, 'print', '--json', path);
      expect(stderr).toBe('');
      return stdout
        .split('\n')
        .filter((line) => /": /.test(line) && !/"(id|ticksMoment|recording|events)":/.test(line));
    };
    // oldest first, as they will be in the file
    const parts = oddRecordings();
    parts.sort((a, b) => (startOf(a.path) < startOf(b.path) ? -1 : 1));
    const wanted = parts.flatMap(({ path }) => lines(path));
    const sink = memorySink();
    await joinRecordings(
      parts.map(({ path }) => bufferSource(readFileSync(path))),
      sink,
    );
    const path = join(directory, 'jvms.jfr');
    writeFileSync(path, sink.bytes());
    expect(wanted.length).toBeGreaterThan(100_000);
    // Times of chunks after a JVM's first may differ by what its clocks drifted apart: alone, the JDK
    // shows them by that first one's clock, here each by its own.
    const nanos = (line: string): bigint | undefined => {
      const time = /"(?:startTime|allocationTime)": "(.*\.)(\d+)Z"/.exec(line);
      return time === null
        ? undefined
        : BigInt(Date.parse(`${time[1]}000Z`)) * 1_000_000n + BigInt(time[2]!.padEnd(9, '0'));
    };
    const different = lines(path).filter((line, index) => {
      if (line === wanted[index]) return false;
      const [one, other] = [nanos(line), nanos(wanted[index] ?? '')];
      return one === undefined || other === undefined || one - other > 1000n || other - one > 1000n;
    });
    expect(different).toEqual([]);
    expect(lines(path)).toHaveLength(wanted.length);
  }, 120_000);

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
