// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteCursor } from '@rekindle/bytes';
import { afterAll, describe, expect, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { decodeHeader, HEADER_SIZE } from '../header.ts';
import { startJava } from '../testing/java.ts';
import { jdkOf, runJfr } from '../testing/jdk.ts';
import { activeSettings } from './active-settings.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ConstantPools } from './constant-pools.ts';
import { compileEncoder } from './encoder-compile.ts';
import { openFileSink } from './file-sink.ts';
import { memorySink, type RecordingSink } from './recording-sink.ts';
import { EventRegistry } from './registry.ts';

const Live = {
  name: 'test.Live',
  label: 'Live',
  category: ['Test'],
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'number', type: 'long', label: 'Number' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
  ],
} as const satisfies EventDeclaration;

const Late = {
  name: 'test.Late',
  label: 'Late',
  category: ['Test'],
  fields: [],
} as const satisfies EventDeclaration;

const directory = mkdtempSync(join(tmpdir(), 'rekindle-chunks-'));
afterAll(() => rmSync(directory, { recursive: true }));

function writing(): {
  registry: EventRegistry;
  pools: ConstantPools;
  chunks: ChunkWriter;
  live: (start: number, number: number, text: string | number) => void;
} {
  const registry = new EventRegistry([Live]);
  const pools = new ConstantPools(registry);
  const chunks = new ChunkWriter(registry, pools);
  const encode = compileEncoder(registry.register(Live));
  const bytes = new Uint8Array(4096);
  return {
    registry,
    pools,
    chunks,
    live(start, number, text) {
      const thread = pools.thread({ osThreadId: 7, javaName: 'writer', javaThreadId: 7 });
      const type = pools.class({ name: `app.Step${number % 3}` });
      const stack = pools.stackTrace([
        { method: pools.method({ type, name: 'run' }), lineNumber: number },
      ]);
      const end = encode(bytes, 0, bytes.length, start, thread, stack, number, text);
      chunks.appendEvents(bytes.subarray(0, end));
    },
  };
}

/** The checkpoints of a chunk, newest first: offset, mask, number of pools, id and entries of the first. */
function checkpoints(
  chunk: Uint8Array,
): { at: number; mask: number; pools: number; type: number }[] {
  const found = [];
  for (let at = decodeHeader(chunk).constantPoolPosition; ; ) {
    const cursor = new ByteCursor(chunk, at);
    cursor.varint();
    expect(cursor.varint()).toBe(1);
    cursor.long();
    cursor.long();
    const delta = cursor.long() as number;
    const mask = cursor.u8();
    found.push({ at, mask, pools: cursor.varint(), type: cursor.varint() });
    if (delta === 0) return found;
    expect(delta).toBeLessThan(0);
    at += delta;
  }
}

describe('a live chunk', () => {
  it('is updated under the guard: 255, the fields, the next generation', () => {
    const sink = memorySink();
    const patches: [number, number[]][] = [];
    const spy: RecordingSink = {
      get length() {
        return sink.length;
      },
      append: (bytes) => sink.append(bytes),
      patch(offset, bytes) {
        patches.push([offset, [...bytes]]);
        sink.patch(offset, bytes);
      },
    };
    const { chunks, live } = writing();
    sink.append(new Uint8Array(100)); // not at the start of its sink
    chunks.begin(spy, { startNanos: 5_000n, startTicks: 1_000 });
    expect(decodeHeader(sink.bytes(), 100)).toMatchObject({
      size: 68,
      state: 1,
      metadataPosition: 0,
    });
    live(1_100, 1, 'one');
    expect(chunks.flush(1_500)).toBe(true);
    expect(patches.map(([offset, bytes]) => [offset, bytes.length])).toEqual([
      [164, 1],
      [108, 56],
      [164, 4],
    ]);
    expect(patches[0]![1]).toEqual([255]);
    expect(patches[2]![1]).toEqual([2, 0, 0, 1]);
    const header = decodeHeader(sink.bytes(), 100);
    expect(header).toMatchObject({
      size: sink.length - 100,
      startNanos: 5_000n,
      startTicks: 1_000n,
      durationNanos: 500n,
      ticksPerSecond: 1_000_000_000n,
      state: 2,
      flags: 1,
    });
    // nothing new: nothing written
    const length = sink.length;
    expect(chunks.flush(1_600)).toBe(false);
    expect(sink.length).toBe(length);
    chunks.finish({ durationNanos: 1_000n, final: true });
    expect(decodeHeader(sink.bytes(), 100)).toMatchObject({
      size: sink.length - 100,
      durationNanos: 1_000n,
      state: 0,
      flags: 3,
    });
  });

  it('ends each flush with a checkpoint that holds the header as published', () => {
    const sink = memorySink();
    const { chunks, live, registry } = writing();
    chunks.begin(sink, { startNanos: 1n, startTicks: 1 });
    const published: Uint8Array[] = [];
    for (let round = 1; round <= 3; round++) {
      live(round, round, `text ${round}`);
      chunks.flush(round * 10);
      published.push(sink.bytes().slice(0, HEADER_SIZE));
    }
    chunks.finish({ durationNanos: 99n, final: false });
    published.push(sink.bytes().slice(0, HEADER_SIZE));
    const chunk = sink.bytes();
    const headers = checkpoints(chunk).filter(({ mask }) => (mask & 2) !== 0);
    expect(headers.map(({ mask }) => mask)).toEqual([2, 3, 3, 3]);
    for (const [index, { at, pools, type }] of headers.reverse().entries()) {
      expect([pools, type]).toEqual([1, registry.idOf('jdk.types.ChunkHeader')]);
      const end = at + new ByteCursor(chunk, at).varint();
      expect(chunk.subarray(end - HEADER_SIZE, end)).toEqual(published[index]);
      expect(decodeHeader(published[index]!)).toMatchObject({
        size: end,
        constantPoolPosition: at,
      });
    }
  });

  it('takes generations 1 to 254 and then 1 again', () => {
    const sink = memorySink();
    const { chunks, live } = writing();
    chunks.begin(sink, { startNanos: 1n, startTicks: 1 });
    const states = new Set<number>();
    for (let round = 1; round <= 300; round++) {
      live(round, 1, '');
      chunks.flush(round);
      states.add(decodeHeader(sink.bytes()).state);
    }
    expect(Math.min(...states)).toBe(1);
    expect(Math.max(...states)).toBe(254);
    expect(states.size).toBe(254);
  });

  it('gets its metadata anew when a type is added', () => {
    const sink = memorySink();
    const { chunks, live, registry } = writing();
    chunks.begin(sink, { startNanos: 1n, startTicks: 1 });
    live(1, 1, '');
    chunks.flush(2);
    const before = decodeHeader(sink.bytes()).metadataPosition;
    expect(before).toBe(68);
    registry.register(Late);
    expect(chunks.flush(3)).toBe(true);
    expect(decodeHeader(sink.bytes()).metadataPosition).toBeGreaterThan(before);
  });

  it('starts after the one before it, by a nanosecond at least', () => {
    const sink = memorySink();
    const { chunks } = writing();
    const starts = [50n, 50n, 40n, 60n].map((startNanos) => {
      const started = chunks.begin(sink, { startNanos, startTicks: 1 });
      chunks.finish({ durationNanos: 1n, final: false });
      return started;
    });
    expect(starts).toEqual([50n, 51n, 52n, 60n]);
  });

  it('refuses what is out of order', () => {
    const { chunks } = writing();
    const wrong = expect.objectContaining({ code: 'JFR_WRONG_STATE' });
    expect(() => chunks.flush(1)).toThrow(wrong);
    expect(() => chunks.appendEvents(new Uint8Array(0))).toThrow(wrong);
    chunks.begin(memorySink(), { startNanos: 1n, startTicks: 1 });
    expect(() => chunks.begin(memorySink(), { startNanos: 2n, startTicks: 1 })).toThrow(wrong);
  });
});

describe('a repository being written', () => {
  for (const version of [17, 25]) {
    it(`is followed by EventStream.openRepository of JDK ${version}`, async (context) => {
      const jdk = jdkOf(version);
      if (jdk === undefined) return context.skip(`no JDK ${version} on this machine`);
      const repository = join(directory, `live-${version}`);
      mkdirSync(repository);
      const { chunks, live, pools, registry } = writing();
      const java = startJava(jdk, 'Follow', repository);
      const lines: string[] = [];
      let errors = '';
      java.stderr.on('data', (data) => {
        errors += data;
      });
      const ended = new Promise((resolve) => java.once('close', resolve));
      const output = createInterface({ input: java.stdout });
      const seen = async (wanted: string): Promise<void> => {
        for (let waited = 0; !lines.some((line) => line.startsWith(wanted)); waited += 20) {
          if (waited > 20_000) throw new Error(`no "${wanted}": ${lines.join('|')} ${errors}`);
          await sleep(20);
        }
      };
      output.on('line', (line) => lines.push(line));
      const started = Date.now() * 1e6;
      let ticks = 1_000_000;
      const tick = (): number => {
        ticks += 1000;
        return ticks;
      };
      const clock = (): bigint => BigInt(started) + BigInt(ticks - 1_000_000);
      const begin = (name: string) => {
        const sink = openFileSink(join(repository, name));
        const settings = activeSettings(registry, ticks);
        const startNanos = chunks.begin(sink, { startNanos: clock(), startTicks: ticks });
        chunks.appendEvents(settings);
        chunks.flush(ticks);
        return { sink, startNanos };
      };
      try {
        const first = begin('2026_01_01_00_00_00.jfr');
        await seen('ready');
        live(tick(), 1, 'inline');
        live(tick(), 2, pools.string('from the pool'));
        chunks.flush(tick());
        // seen while the chunk is open: this is what streaming is
        await seen('event 2 from the pool writer app.Step2.run:2');
        live(tick(), 3, pools.string('from the pool'));
        live(tick(), 4, pools.string('another'));
        chunks.flush(tick());
        await seen('event 4 another writer app.Step1.run:4');
        tick();
        chunks.finish({ durationNanos: clock() - first.startNanos, final: false });
        first.sink.close();
        const second = begin('2026_01_01_00_00_01.jfr');
        live(tick(), 5, pools.string('from the pool'));
        chunks.flush(tick());
        await seen('event 5 from the pool writer app.Step2.run:5');
        live(tick(), 6, 'last');
        tick();
        chunks.finish({ durationNanos: clock() - second.startNanos, final: true });
        second.sink.close();
        // the final flag ends the follower
        await seen('end');
        expect(await ended).toBe(0);
        expect(errors).toBe('');
        expect(lines.filter((line) => line.startsWith('event'))).toEqual([
          'event 1 inline writer app.Step1.run:1',
          'event 2 from the pool writer app.Step2.run:2',
          'event 3 from the pool writer app.Step0.run:3',
          'event 4 another writer app.Step1.run:4',
          'event 5 from the pool writer app.Step2.run:5',
          'event 6 last writer app.Step0.run:6',
        ]);
        const whole = join(directory, `assembled-${version}.jfr`);
        expect(runJfr(jdk, 'assemble', repository, whole)).toMatchObject({ status: 0 });
        expect(runJfr(jdk, 'summary', whole).stdout).toMatch(/Chunks: 2[\s\S]*test\.Live +6 /);
      } finally {
        java.kill('SIGKILL');
      }
    });
  }
});
