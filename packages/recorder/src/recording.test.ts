// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addPeriodicEvent,
  configureRecorder,
  eventHandle,
  flush,
  now,
  Recording,
} from './index.ts';
import { parseRecorderOptions } from './options.ts';
import { counts, JDKS, jfr, printed } from './testing/jdk.ts';

const Tick = {
  name: 'test.Tick',
  label: 'Tick',
  category: ['Test'],
  fields: [{ name: 'number', type: 'int', label: 'Number' }],
} as const;

const Span = {
  name: 'test.Span',
  label: 'Span',
  category: ['Test'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'text', type: 'java.lang.String', label: 'Text' },
    { name: 'big', type: 'long', label: 'Big' },
  ],
} as const;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'recorder-test-'));
  configureRecorder({ repository: directory });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a recording of one thread', () => {
  it('has every event once, in the order of commits, with text, numbers and stack traces', () => {
    const file = join(directory, 'one.jfr');
    const recording = new Recording({ destination: file, name: 'one' }).start();
    const ticks = eventHandle(Tick);
    const spans = eventHandle(Span);
    for (let number = 0; number < 5000; number++) expect(ticks.commit(now(), number)).toBe(true);
    const before = now();
    for (const text of [
      '',
      'short',
      'a text that is worth a place in the pool',
      'größer ≠ kleiner',
    ]) {
      for (let round = 0; round < 3; round++) spans.commit(before, 1500, text, -(2n ** 62n));
    }
    recording.stop();
    expect(recording.state).toBe('stopped');
    recording.close();
    for (const jdk of JDKS) {
      expect(counts(jdk, file).get('test.Tick')).toBe(5000);
      expect(counts(jdk, file).get('jdk.DataLoss') ?? 0).toBe(0);
      const numbers = printed(jdk, file, '--events', 'test.Tick').map(
        ({ values }) => values.number,
      );
      expect(numbers).toEqual(Array.from({ length: 5000 }, (_, index) => index));
      const events = printed(jdk, file, '--events', 'test.Span', '--stack-depth', '3');
      expect(events.map(({ values }) => values.text)).toEqual(
        ['', 'short', 'a text that is worth a place in the pool', 'größer ≠ kleiner'].flatMap(
          (text) => [text, text, text],
        ),
      );
      expect(events.every(({ values }) => values.duration === 'PT0.0000015S')).toBe(true);
      const first = events[0]!.values;
      expect(first.eventThread.javaName).toBe('main');
      expect(first.eventThread.osThreadId).toBeGreaterThan(1);
      const frame = first.stackTrace.frames[0];
      expect(frame.method.type.name).toContain('recorder/src/recording');
      expect(frame.lineNumber).toBeGreaterThan(40);
      jfr(jdk, 'print', file);
    }
  });

  it('shows the caller of an event in object form, not the recorder', () => {
    const file = join(directory, 'objects.jfr');
    const recording = new Recording({ destination: file }).start();
    const spans = eventHandle(Span);
    function worker(): void {
      const event = spans.begin();
      expect(event.shouldCommit()).toBe(true);
      event.commit({ text: 'begun', big: 1 });
      spans.emit({ text: 'emitted', big: 2n });
    }
    worker();
    recording.stop();
    recording.close();
    for (const jdk of JDKS) {
      const events = printed(jdk, file, '--events', 'test.Span');
      expect(events.map(({ values }) => values.text)).toEqual(['begun', 'emitted']);
      for (const { values } of events) {
        expect(values.stackTrace.frames[0].method.name).toBe('worker');
      }
    }
  });

  it('is followed on disk before it stops', () => {
    const recording = new Recording({ flushInterval: 60_000 }).start();
    const ticks = eventHandle(Tick);
    for (let number = 0; number < 10; number++) ticks.commit(now(), number);
    const size = repositoryBytes(directory);
    flush();
    expect(repositoryBytes(directory)).toBeGreaterThan(size);
    recording.stop();
    recording.close();
    expect(repositoryBytes(directory)).toBe(0);
  });

  it('tells of its flushes where it is asked to', () => {
    const file = join(directory, 'flushes.jfr');
    const settings = { 'jdk.Flush#enabled': 'true' };
    const recording = new Recording({ settings, destination: file }).start();
    const ticks = eventHandle(Tick);
    for (let number = 0; number < 3; number++) {
      ticks.commit(now(), number);
      flush();
    }
    recording.stop();
    recording.close();
    for (const jdk of JDKS) {
      const flushes = printed(jdk, file, '--events', 'jdk.Flush').map(({ values }) => values);
      expect(flushes.map(({ flushId }) => flushId)).toEqual([1, 2, 3]);
      for (const { elements, size } of flushes) {
        expect(elements).toBe(1);
        expect(size).toBeGreaterThan(5);
      }
    }
  });

  it('records nothing while no recording runs', () => {
    const ticks = eventHandle(Tick);
    expect(ticks.enabled).toBe(false);
    expect(ticks.commit(now(), 1)).toBe(false);
    const recording = new Recording({ settings: { 'test.Tick#enabled': 'false' } }).start();
    expect(ticks.enabled).toBe(false);
    recording.close();
  });

  it('keeps events below their threshold out', () => {
    const recording = new Recording({ settings: { 'test.Span#threshold': '10 ms' } }).start();
    const spans = eventHandle(Span);
    expect(spans.commit(now(), 9_999_999, 'x', 0)).toBe(false);
    expect(spans.commit(now(), 10_000_000, 'x', 0)).toBe(true);
    recording.close();
  });

  it('forgets an event with a wrong value and goes on', () => {
    const file = join(directory, 'wrong.jfr');
    const recording = new Recording({ destination: file }).start();
    const ticks = eventHandle(Tick);
    ticks.commit(now(), 1);
    expect(() => ticks.commit(now(), 1.5)).toThrow(/test.Tick.number cannot be 1.5/);
    expect(() =>
      ticks.emit({
        get number(): number {
          throw new Error('from a getter');
        },
      }),
    ).toThrow('from a getter');
    ticks.commit(now(), 2);
    recording.close();
    const again = new Recording({ destination: file }).start();
    ticks.commit(now(), 3);
    again.stop();
    again.close();
    for (const jdk of JDKS) {
      const events = printed(jdk, file, '--events', 'test.Tick');
      expect(events.map(({ values }) => values.number)).toEqual([3]);
    }
  });
});

describe('two recordings at once', () => {
  it('each has what was committed while it ran', () => {
    const files = ['first.jfr', 'second.jfr'].map((name) => join(directory, name));
    const ticks = eventHandle(Tick);
    const first = new Recording({ destination: files[0]! }).start();
    ticks.commit(now(), 1);
    const second = new Recording({ destination: files[1]! }).start();
    ticks.commit(now(), 2);
    first.stop();
    ticks.commit(now(), 3);
    second.stop();
    ticks.commit(now(), 4);
    first.close();
    second.close();
    for (const jdk of JDKS) {
      const numbers = files.map((file) =>
        printed(jdk, file, '--events', 'test.Tick').map(({ values }) => values.number),
      );
      expect(numbers).toEqual([
        [1, 2],
        [2, 3],
      ]);
    }
  });
});

describe('a process of two threads, the main one blocked', () => {
  it('leaves a whole recording when it exits right after stop()', () => {
    const file = join(directory, 'two.jfr');
    const program = fileURLToPath(new URL('./testing/programs/two-threads.mjs', import.meta.url));
    execFileSync(process.execPath, [program, file, directory], { timeout: 30_000 });
    expect(statSync(file).size).toBeGreaterThan(10_000);
    for (const jdk of JDKS) {
      const events = printed(jdk, file, '--events', 'test.Work');
      const threads = new Map<string, number[]>();
      for (const { values } of events) {
        const { javaName } = values.eventThread;
        threads.set(javaName, [...(threads.get(javaName) ?? []), values.number]);
        expect(values.kind).toBe(values.number % 2 ? 'bad' : 'good');
        expect(values.text).toMatch(/^committed by/);
        expect(values.stackTrace.frames[0].method.name).toBe('commitSome');
      }
      expect([...threads.keys()].sort()).toEqual(['main', 'the other thread']);
      expect(threads.get('main')).toHaveLength(100);
      expect(threads.get('the other thread')).toEqual(
        Array.from({ length: 1000 }, (_, index) => index),
      );
    }
  });
});

function repositoryBytes(base: string): number {
  let bytes = 0;
  for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && path.includes(`_${process.pid}`)) bytes += readFileSync(path).length;
  }
  return bytes;
}

describe('a recording in memory', () => {
  it('keeps the newest events, drops the oldest and says how much', () => {
    const file = join(directory, 'memory.jfr');
    const recording = new Recording({ disk: false, destination: file }).start();
    const ticks = eventHandle(Tick);
    const size = repositoryBytes(directory);
    // 20 buffers of 512 KB hold about a million of these
    const count = 2_000_000;
    const start = now();
    for (let number = 0; number < count; number++) ticks.commit(start, number);
    expect(repositoryBytes(directory)).toBe(size);
    recording.stop();
    recording.close();
    const [newest] = JDKS.slice(-1);
    if (newest === undefined) return;
    const found = counts(newest, file);
    expect(found.get('jdk.DataLoss')).toBeGreaterThan(0);
    expect(found.get('test.Tick')).toBeGreaterThan(400_000);
    expect(found.get('test.Tick')).toBeLessThan(count);
    for (const jdk of JDKS) jfr(jdk, 'summary', file);
  });

  it('goes on after a dump', () => {
    const files = ['memory-1.jfr', 'memory-2.jfr'].map((name) => join(directory, name));
    const recording = new Recording({ disk: false }).start();
    const ticks = eventHandle(Tick);
    ticks.commit(now(), 1);
    recording.dump(files[0]!);
    ticks.commit(now(), 2);
    recording.dump(files[1]!);
    recording.close();
    for (const jdk of JDKS) {
      const numbers = files.map((file) =>
        printed(jdk, file, '--events', 'test.Tick').map(({ values }) => values.number),
      );
      expect(numbers).toEqual([[1], [1, 2]]);
    }
  });
});

describe('limits', () => {
  it('drops chunks beyond the size and the age', () => {
    const file = join(directory, 'limited.jfr');
    const recording = new Recording({ maxSize: 60_000, destination: file }).start();
    const ticks = eventHandle(Tick);
    for (let chunk = 0; chunk < 8; chunk++) {
      for (let number = 0; number < 1000; number++) ticks.commit(now(), chunk * 1000 + number);
      recording.set({});
    }
    expect(recording.info.size).toBeLessThan(80_000);
    recording.set({ maxSize: undefined, maxAge: 1 });
    ticks.commit(now(), -1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    recording.stop();
    recording.close();
    for (const jdk of JDKS) {
      const events = printed(jdk, file, '--events', 'test.Tick');
      expect(events.map(({ values }) => values.number)).toEqual([-1]);
    }
  });

  it('ends by itself after its duration, while this thread is blocked', () => {
    const recording = new Recording({ duration: 50 }).start();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
    expect(recording.state).toBe('stopped');
    recording.close();
  });

  it('refuses what does not fit its state', () => {
    const recording = new Recording();
    expect(() => recording.dump('/dev/null')).toThrow(/it is new/);
    recording.start();
    expect(() => recording.start()).toThrow(/it is running/);
    expect(() => recording.dump('/nowhere/file.jfr')).toThrow(/cannot write \/nowhere/);
    recording.close();
    expect(() => recording.stop()).toThrow(/no recording/);
  });
});

describe('a monitor', () => {
  it('keeps threads apart, and its contention and waits are recorded', () => {
    const file = join(directory, 'monitor.jfr');
    const program = fileURLToPath(new URL('./testing/programs/monitor.mjs', import.meta.url));
    const said = execFileSync(process.execPath, [program, file], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(said.trim()).toBe('400 false');
    for (const jdk of JDKS) {
      const entered = printed(jdk, file, '--events', 'jdk.JavaMonitorEnter');
      expect(entered.length).toBeGreaterThan(0);
      for (const { values } of entered) {
        expect(values.monitorClass.name).toBe('app/Counter');
        // the program's own frame, not the monitor's
        expect(values.stackTrace.frames[0].method.type.name).toMatch(/programs\/monitor$/);
      }
      const waits = printed(jdk, file, '--events', 'jdk.JavaMonitorWait');
      expect(waits.at(-1)?.values.timedOut).toBe(true);
      expect(waits.some(({ values }) => /^counter/.test(values.notifier?.javaName))).toBe(true);
    }
  });
});

describe('a periodic event', () => {
  it('is committed in the period that the settings say', async () => {
    const file = join(directory, 'periodic.jfr');
    const ticks = eventHandle(Tick);
    let number = 0;
    const end = addPeriodicEvent(Tick, () => ticks.commit(now(), number++));
    const settings = { 'test.Tick#period': '20 ms', 'jdk.CPULoad#enabled': 'true' };
    const recording = new Recording({ destination: file, settings, disk: false }).start();
    await expect.poll(() => number, { timeout: 5000 }).toBeGreaterThan(4);
    recording.stop();
    recording.close();
    end();
    const after = number;
    for (const jdk of JDKS) {
      expect(counts(jdk, file).get('test.Tick')).toBe(after);
      // the recorder's own, which memory mode keeps too
      expect(counts(jdk, file).get('jdk.CPULoad')).toBeGreaterThan(0);
    }
  });
});

describe('options', () => {
  it('are those of -XX:FlightRecorderOptions', () => {
    const text =
      'threadbuffersize=16k,memorysize=4m,globalbuffersize=256k,maxchunksize=2m,stackdepth=8';
    expect(parseRecorderOptions(`${text},repository=/tmp/x,preserve-repository`)).toEqual({
      threadBufferSize: 16_384,
      globalBufferSize: 262_144,
      globalBufferCount: 16,
      maxChunkSize: 2_097_152,
      stackDepth: 8,
      repository: '/tmp/x',
      preserveRepository: true,
    });
    expect(() => parseRecorderOptions('threadbuffersize=1k')).toThrow(/threadBufferSize cannot be/);
    expect(() => parseRecorderOptions('stackdepth=deep')).toThrow(/stackdepth cannot be "deep"/);
    expect(() => parseRecorderOptions('colour=red')).toThrow(/colour has no meaning/);
  });

  it('cannot change once the recorder runs', () => {
    expect(() => configureRecorder({ stackDepth: 3 })).toThrow(/has started already/);
  });
});
