// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  configureRecorder,
  EventStream,
  eventHandle,
  now,
  Recording,
  repositoryDirectory,
} from './index.ts';
import { JDKS } from './testing/jdk.ts';

const Beat = {
  name: 'test.Here',
  label: 'Here',
  category: ['Test'],
  duration: true,
  stackTrace: true,
  fields: [{ name: 'number', type: 'int', label: 'Number' }],
} as const;

const PROGRAMS = fileURLToPath(new URL('./testing/programs/', import.meta.url));

let directory: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'event-stream-'));
  configureRecorder({ repository: directory });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a stream of this process', () => {
  it('has every event once, over flushes and rotations, with its stack trace', async () => {
    const recording = new Recording({ flushInterval: 20 }).start();
    const beats = eventHandle(Beat);
    const seen: number[] = [];
    const methods = new Set<unknown>();
    let flushes = 0;
    const stream = EventStream.openRepository(repositoryDirectory(), {
      startNanos: 0n,
      pollMillis: 10,
    })
      .onEvent('test.Here', (event) => {
        seen.push(event.get('number') as number);
        const frames = event.stackTrace?.frames as { method: { name: unknown } }[];
        methods.add(frames[0]!.method.name);
      })
      .onFlush(() => flushes++);
    const done = stream.start();
    function beat(number: number): void {
      beats.commit(now(), 0, number);
    }
    for (let number = 0; number < 60; number++) {
      beat(number);
      if (number % 20 === 19) recording.set({});
      await sleep(5);
    }
    recording.set({});
    await expect.poll(() => seen.length, { timeout: 5000 }).toBe(60);
    stream.close();
    await done;
    recording.close();
    expect(seen).toEqual(Array.from({ length: 60 }, (_, number) => number));
    expect([...methods]).toEqual(['beat']);
    expect(flushes).toBeGreaterThan(3);
  });

  it.each([
    [{}, [1, 2, 3], 3],
    [{ reuse: true }, [1, 2, 3], 1],
    [{ ordered: false }, [3, 1, 2], 3],
    [{ ordered: false, reuse: true }, [3, 1, 2], 1],
  ])(
    'orders by the end of events where asked to, and stops at its end time: %j',
    async (how, order, objects) => {
      const recording = new Recording({ flushInterval: 20 }).start();
      const beats = eventHandle(Beat);
      const start = now();
      beats.commit(start, 9000, 3);
      beats.commit(start, 1000, 1);
      beats.commit(start, 5000, 2);
      beats.commit(start + 60e9, 0, 4);
      const seen: unknown[] = [];
      const different = new Set<unknown>();
      await EventStream.openRepository(repositoryDirectory(), {
        ...how,
        startNanos: 0n,
        endNanos: BigInt(Date.now() + 30_000) * 1_000_000n,
      })
        .onEvent('test.Here', (event) => {
          different.add(event);
          seen.push(event.get('number'));
        })
        .start();
      recording.close();
      expect(seen).toEqual(order);
      expect(different.size).toBe(objects);
    },
  );

  it('tells of an action that throws and goes on', async () => {
    const recording = new Recording({ flushInterval: 20 }).start();
    const beats = eventHandle(Beat);
    for (let number = 0; number < 3; number++) beats.commit(now(), 0, number);
    const errors: unknown[] = [];
    const stream = EventStream.openRepository(repositoryDirectory(), { startNanos: 0n });
    const done = stream
      .onEvent('test.Here', (event) => {
        throw new Error(String(event.get('number')));
      })
      .onError((error) => errors.push((error as Error).message))
      .start();
    await expect.poll(() => errors, { timeout: 5000 }).toEqual(['0', '1', '2']);
    stream.close();
    await done;
    recording.close();
  });
});

describe('another process', () => {
  function start(command: string, ...args: readonly string[]): ChildProcess {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }
  async function lines(child: ChildProcess): Promise<string[]> {
    const found: string[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => found.push(line));
    return found;
  }
  const expected = (count: number): string[] =>
    Array.from({ length: count }, (_, n) => `${n}|a text in the pool of strings|main|beat`);

  it.each(JDKS)(
    'is followed live by JDK $version',
    async ({ home }) => {
      const node = start(process.execPath, join(PROGRAMS, 'beat.mjs'), directory);
      const told = await lines(node);
      await expect.poll(() => told.length, { timeout: 10_000 }).toBe(1);
      const java = start(join(home, 'bin/java'), join(PROGRAMS, 'Follow.java'), told[0]!);
      const seen = await lines(java);
      await expect.poll(() => seen.length, { timeout: 30_000 }).toBeGreaterThan(60);
      node.stdin!.write('stop\n');
      await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
      const count = Number(told[1]);
      await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(count);
      expect(seen).toEqual(expected(count));
      node.stdin!.write('end\n');
      // the last chunk says that nothing follows: the JDK's stream ends by itself
      await once(java, 'exit');
      expect(java.exitCode).toBe(0);
    },
    90_000,
  );

  it.each(JDKS)(
    'is followed by JDK $version over a pause between recordings',
    async ({ home }) => {
      const node = start(process.execPath, join(PROGRAMS, 'pause.mjs'), directory);
      const told = await lines(node);
      await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
      const java = start(join(home, 'bin/java'), join(PROGRAMS, 'Follow.java'), told[0]!);
      const seen = await lines(java);
      await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(1);
      node.stdin!.write('go on\n');
      await expect.poll(() => told.length, { timeout: 10_000 }).toBe(3);
      const count = Number(told[2]);
      await expect.poll(() => seen, { timeout: 8000 }).toEqual(expected(count));
      node.stdin!.write('end\n');
      await once(java, 'exit');
      expect(java.exitCode).toBe(0);
    },
    90_000,
  );

  it('is followed live by our own stream', async () => {
    const node = start(process.execPath, join(PROGRAMS, 'beat.mjs'), directory);
    const told = await lines(node);
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(1);
    const seen: string[] = [];
    const stream = EventStream.openRepository(told[0]!, { startNanos: 0n }).onEvent(
      'test.Beat',
      (event) => {
        const frames = event.stackTrace?.frames as { method: { name: string } }[];
        const thread = event.get('eventThread.javaName');
        const method = frames[0]!.method.name;
        seen.push(`${event.get('number')}|${event.get('text')}|${thread}|${method}`);
      },
    );
    const done = stream.start();
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(30);
    node.stdin!.write('stop\n');
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
    const count = Number(told[1]);
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(count);
    node.stdin!.write('end\n');
    await done;
    expect(seen).toEqual(expected(count));
  }, 60_000);
});
