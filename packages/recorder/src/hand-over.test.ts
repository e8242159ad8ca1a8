// SPDX-License-Identifier: Apache-2.0
// What sources gather in slices is in a recording that ends before the slice does.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createArena, SLOT, WORD } from './arena.ts';
import { Drain } from './drain.ts';
import { HandOver } from './hand-over.ts';
import { OutsideRecorder } from './outside.ts';
import { startEnvironment } from './startup.ts';
import { JDKS, jfr } from './testing/jdk.ts';
import { attachThread } from './thread.ts';

const PROGRAM = fileURLToPath(new URL('./testing/programs/named.mjs', import.meta.url));
const SELF_ENDED = fileURLToPath(new URL('./testing/programs/self-ended.mjs', import.meta.url));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hand-over-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
});

/** Starts the program; `said` gathers what it says on stderr. */
function start(options: string, ...args: readonly string[]): { said: () => string } {
  const { environment, nodeArguments } = startEnvironment(options);
  child = spawn(process.execPath, [...nodeArguments, PROGRAM, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { said: heard(child) };
}

/** What a process says on stderr, so far. */
function heard({ stderr }: ChildProcess): () => string {
  let text = '';
  stderr!.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it does not come');
    await sleep(50);
  }
}

/** The recorder of the child, as soon as it can be reached. */
async function outside(): Promise<OutsideRecorder> {
  let recorder: OutsideRecorder | undefined;
  await until(async () => {
    recorder = await OutsideRecorder.open(child!.pid!).catch(() => undefined);
    return recorder !== undefined;
  });
  return recorder!;
}

interface Found {
  /** Events of a name. */
  readonly counts: ReadonlyMap<string, number>;
  /** Those with a method in their stack trace: `event method`. */
  readonly within: ReadonlyMap<string, number>;
}

async function found(file: string): Promise<Found> {
  const counts = new Map<string, number>();
  const within = new Map<string, number>();
  const count = (map: Map<string, number>, key: string): unknown =>
    map.set(key, (map.get(key) ?? 0) + 1);
  for await (const event of (await openRecording(readFileSync(file))).events()) {
    count(counts, event.name);
    const frames = event.stackTrace?.frames as { method: { name: string } }[] | undefined;
    const methods = new Set(frames?.map(({ method }) => method.name));
    for (const method of methods) count(within, `${event.name} ${method}`);
  }
  return { counts, within };
}

function expectHandedOver({ counts, within }: Found, least: number): void {
  expect(within.get('jdk.ExecutionSample burnInMain')).toBeGreaterThan(least);
  expect(within.get('jdk.ObjectAllocationSample allocateSome')).toBeGreaterThan(3);
  expect(counts.get('jdk.GarbageCollection')).toBeGreaterThan(0);
  expect(counts.get('jdk.DataLoss') ?? 0).toBe(0);
}

function expectHot(file: string, method: string): void {
  for (const jdk of JDKS.filter(({ version }) => version >= 21)) {
    expect(jfr(jdk, 'view', 'hot-methods', file)).toContain(method);
  }
}

describe('a question to the threads', () => {
  function make() {
    const arena = createArena({ slots: 4, threadBytes: 8192, globals: 4, globalBytes: 65_536 });
    const told: unknown[] = [];
    const handOver = new HandOver(arena, new Drain(arena), (notice) => told.push(notice));
    const base = arena.slot(attachThread(arena, 'asked')!.slot);
    arena.words[base + SLOT.gathers] = 1;
    const done: string[] = [];
    const ask = (name: string, id: number, ends = false): void =>
      handOver.ask({ id, ends, done: -1, goOn: () => done.push(name) });
    return { words: arena.words, base, told, handOver, done, ask };
  }

  it('is answered in order, by the youngest answer for those before it', () => {
    const { words, base, told, handOver, done, ask } = make();
    ask('first', 1);
    ask('second', 1, true);
    handOver.work();
    expect(done).toEqual([]);
    expect(handOver.deadline).toBeLessThan(Number.POSITIVE_INFINITY);
    words[base + SLOT.handedOver] = words[WORD.handOver]!;
    handOver.work();
    expect(done).toEqual(['first', 'second']);
    expect([told, words[base + SLOT.lost]]).toEqual([[], 0]);
    expect(handOver.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it('is given up for one recording, and says what is missing', () => {
    const { words, base, told, handOver, done, ask } = make();
    ask('first', 1);
    ask('second', 2, true);
    handOver.finish(0);
    expect(done).toEqual([]);
    handOver.finish(2);
    expect(done).toEqual(['second']);
    expect(told).toHaveLength(1);
    expect(words[base + SLOT.lost]).toBe(1);
    handOver.finish();
    expect(done).toEqual(['second', 'first']);
    // the recording goes on: what was not told will be
    expect(words[base + SLOT.lost]).toBe(1);
  });

  it('that there is no time for: says who is not waited for, and counts it where all ends', () => {
    const { words, base, told, handOver } = make();
    handOver.goWithout(-1, false);
    expect(told).toMatchObject([
      { message: expect.stringContaining('"asked" was not waited for') },
    ]);
    expect(words[base + SLOT.lost]).toBe(0);
    handOver.goWithout(-1, true);
    expect(words[base + SLOT.lost]).toBe(1);
    // it has handed over
    handOver.goWithout(0, true);
    expect([told.length, words[base + SLOT.lost]]).toEqual([2, 1]);
  });

  it('is not asked where nobody gathers', () => {
    const { words, base, done, ask } = make();
    words[base + SLOT.gathers] = 0;
    ask('first', 1);
    expect(done).toEqual(['first']);
    expect(words[WORD.handOver]).toBe(0);
  });
});

describe('what is gathered belongs to the recording', () => {
  it('that ends by its duration, of workers too', async () => {
    const file = join(directory, 'duration.jfr');
    const { said } = start(`filename=${file},settings=profile,duration=2s`, 'worker');
    const recorder = await outside();
    await until(async () => (await recorder.check())[0]?.state === 'stopped');
    expect(child!.exitCode).toBe(null);
    const all = await found(file);
    expectHandedOver(all, 20);
    expect(all.within.get('jdk.ExecutionSample burnInWorker')).toBeGreaterThan(20);
    expectHot(file, 'burnInMain');
    expectHot(file, 'burnInWorker');
    expect(said()).toBe('');
  }, 30_000);

  it('that is dumped, then stopped, from outside', async () => {
    start('settings=profile');
    const recorder = await outside();
    const { id } = (await recorder.check())[0]!;
    await sleep(1500);
    const [dumped, stopped] = [join(directory, 'dumped.jfr'), join(directory, 'stopped.jfr')];
    await recorder.dump(id, dumped);
    expectHandedOver(await found(dumped), 20);
    const before = (await found(dumped)).within.get('jdk.ExecutionSample burnInMain')!;
    await sleep(1000);
    await recorder.stop(id, stopped);
    // it went on without a gap
    expectHandedOver(await found(stopped), before + 20);
    expectHot(stopped, 'burnInMain');
  }, 30_000);

  it('and is said to be missing where a thread is too busy to give it', async () => {
    const file = join(directory, 'stuck.jfr');
    const { said } = start(`filename=${file},settings=profile,duration=1500ms`, 'stuck');
    const begun = Date.now();
    await until(() => existsSync(file));
    // the second of patience, and no more
    expect(Date.now() - begun).toBeLessThan(4400);
    await until(() => said() !== '');
    expect(said()).toMatch(/lost data: the thread "main" was busy: its last samples/);
    const { counts } = await found(file);
    expect(counts.get('jdk.DataLoss')).toBe(1);
  }, 30_000);

  it.each([
    ['stop', '', 1],
    ['dump', '', 0],
    ['stop', 'Later', 0],
    ['dump', 'Later', 0],
  ])(
    'that a program ends itself, and says what it goes without: %s%s',
    async (how, later, lost) => {
      const file = join(directory, `${how}${later}-self.jfr`);
      child = spawn(process.execPath, [SELF_ENDED, `${how}${later}`, file], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const said = heard(child);
      await once(child, 'exit');
      const { within, counts } = await found(file);
      expect(within.get('jdk.ExecutionSample burnInMain')).toBeGreaterThan(20);
      expect(counts.get('jdk.DataLoss') ?? 0).toBe(lost);
      if (later === '') expect(said()).toMatch(/the thread "worker-\d+" was not waited for/);
      else {
        expect(within.get('jdk.ExecutionSample burnInWorker')).toBeGreaterThan(20);
        expect(said()).toBe('');
      }
    },
    30_000,
  );
});
