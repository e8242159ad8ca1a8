// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JfrError } from './error.ts';
import { followRecording, followRepository } from './follow.ts';
import {
  type Bytes,
  checkpoint,
  chunk,
  event,
  eventClass,
  field,
  metadata,
  PRIMITIVES,
  primitive,
  text,
  tree,
} from './testing/assemble.ts';
import { fixture } from './testing/corpus.ts';
import { findJdks } from './testing/jdk.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-follow-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TYPES = metadata([
  eventClass('test.Named', 102, [field('name', '200', { constantPool: 'true' })]),
  tree('class', { name: 'test.Name', id: '200' }, [field('text', primitive('java.lang.String'))]),
  ...PRIMITIVES,
]);
const named = (key: number): Bytes => event(102, [key]);
const constant = (key: number, value: string, delta: number): Bytes =>
  checkpoint(new Map([[200, [{ key, value: text(value) }]]]), delta);

test('a file of several recordings is followed to its end, past the final chunks in its midst', async () => {
  const path = join(folder, 'joined.jfr');
  const final = 0x03;
  const one = chunk([TYPES, constant(1, 'one', 0), named(1)], { flags: final });
  const two = chunk([TYPES, constant(1, 'two', 0), named(1)], { flags: final });
  writeFileSync(path, Buffer.concat([one, two]));
  const texts: string[] = [];
  for await (const part of followRecording(path, { pollMillis: 5 })) {
    texts.push(...[...part.events()].map((item) => String(item.get('name.text'))));
  }
  expect(texts).toEqual(['one', 'two']);
});

test('parts have the new events, and all constants so far', async () => {
  const path = join(folder, 'live.jfr');
  const one = constant(1, 'one', 0);
  const two = constant(2, 'two', -(one.length + named(1).length));
  const first = [TYPES, one, named(1)];
  const second = [...first, two, named(1), named(2)];
  const third = [...second, named(2)];
  writeFileSync(path, chunk(first, { state: 1 }));
  const texts: string[][] = [];
  for await (const part of followRecording(path, { pollMillis: 5 })) {
    texts.push([...part.events()].map((item) => String(item.get('name.text'))));
    if (texts.length === 1) {
      // the guard byte is set while the rest changes: nothing of it may be seen
      const whole = chunk(second, { state: 255 });
      writeFileSync(path, whole);
      setTimeout(() => writeFileSync(path, chunk(second, { state: 2 })), 30);
    }
    if (texts.length === 2) writeFileSync(path, chunk(third, { state: 0 }));
  }
  expect(texts).toEqual([['one'], ['one', 'two'], ['two']]);
});

test('a header that stays locked is an error, not a wait for ever', async () => {
  const path = join(folder, 'stuck.jfr');
  writeFileSync(path, chunk([TYPES], { state: 255 }));
  const parts = followRecording(path, { pollMillis: 5 });
  await expect(parts.next()).rejects.toThrow(JfrError);
});

test('the signal ends a wait', async () => {
  const path = join(folder, 'quiet.jfr');
  writeFileSync(path, chunk([TYPES], { state: 1 }));
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  let parts = 0;
  for await (const _ of followRecording(path, { signal: abort.signal, pollMillis: 5 })) parts++;
  expect(parts).toBe(1);
});

test('a file of several chunks, appended while it is followed', async () => {
  const path = join(folder, 'two.jfr');
  const one = constant(1, 'one', 0);
  writeFileSync(path, chunk([TYPES, one, named(1)], { state: 0 }));
  const seen: number[] = [];
  for await (const part of followRecording(path, { pollMillis: 5, until: 'final' })) {
    seen.push(part.index, part.count('test.Named'));
    if (part.index === 0) {
      const next = chunk([TYPES, one, named(1), named(1)], { startNanos: 9n, flags: 3 });
      setTimeout(() => appendFileSync(path, next), 20);
    }
  }
  expect(seen).toEqual([0, 1, 1, 2]);
});

test('chunk files of a repository come in the order of their start times', async () => {
  const one = constant(1, 'one', 0);
  const write = (name: string, startNanos: bigint, flags: number): void =>
    writeFileSync(join(folder, name), chunk([TYPES, one, named(1)], { startNanos, flags }));
  write('b.jfr', 10n, 1);
  write('a.jfr', 20n, 1);
  const starts: bigint[] = [];
  for await (const part of followRepository(folder, { pollMillis: 5 })) {
    starts.push(part.header.startNanos);
    if (starts.length === 2) {
      // a file appears before it has a header
      const file = openSync(join(folder, 'c.jfr'), 'w');
      setTimeout(() => {
        writeSync(file, chunk([TYPES, one], { startNanos: 30n, flags: 3 }));
        closeSync(file);
      }, 20);
    }
  }
  expect(starts).toEqual([10n, 20n, 30n]);
});

for (const jdk of findJdks().filter(({ version }) => version >= 17)) {
  test(`the repository of a running JDK ${jdk.version}`, { timeout: 60_000 }, async () => {
    const options = `-XX:FlightRecorderOptions=repository=${folder}`;
    const start = '-XX:StartFlightRecording:settings=profile';
    const java: ChildProcess = spawn(
      join(jdk.home, 'bin/java'),
      [options, start, fixture('Ticker.java')],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    const abort = new AbortController();
    java.on('exit', () => setTimeout(() => abort.abort(), 500));
    const orders: number[] = [];
    let stacks = 0;
    try {
      while (readdirSync(folder).length === 0) await new Promise((go) => setTimeout(go, 20));
      for await (const part of followRepository(folder, { pollMillis: 50, signal: abort.signal })) {
        // within a flush the blocks of different buffers alternate
        const ticks = [...part.events({ types: ['tick.Tick'] })];
        ticks.sort((a, b) => Number(a.endNanos - b.endNanos));
        for (const item of ticks) {
          orders.push(Number(item.get('order')));
          expect(item.get('eventThread.javaName')).toBe('main');
          expect(item.get('text')).toBe('a text that is long enough for the pool of strings');
          const frames = item.get('stackTrace.frames') as { method: { name: string } }[];
          if (frames.at(-1)?.method.name !== undefined) stacks++;
        }
        if (orders.length >= 40) java.stdin?.end('stop\n');
      }
    } finally {
      java.kill('SIGKILL');
    }
    expect(orders.length).toBeGreaterThanOrEqual(40);
    expect(stacks).toBe(orders.length);
    expect(orders).toEqual(orders.map((_, index) => index));
  });
}
