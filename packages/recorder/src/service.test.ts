// SPDX-License-Identifier: Apache-2.0
// The recorder thread's mind in this thread, where its clock can be set.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChunkPlace, decodeHeader, FLAG_FINAL, openRecording } from '@rekindle/jfr';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createArena, SLOT } from './arena.ts';
import { processFacts } from './process-facts.ts';
import type { RecordingInfo } from './protocol.ts';
import { Service } from './service.ts';
import { counts, JDKS, jfr } from './testing/jdk.ts';
import { attachThread, osThreadId } from './thread.ts';

/** Nanoseconds by which the recorder's own clock has been moved. */
const moved = vi.hoisted(() => ({ ticks: 0 }));
vi.mock('./clock.ts', async (load) => {
  const clock = await load<typeof import('./clock.ts')>();
  return { ...clock, now: () => clock.now() + moved.ticks };
});

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'service-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  moved.ticks = 0;
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function makeService({
  arena = createArena({ slots: 4, threadBytes: 8192, globals: 4, globalBytes: 65_536 }),
  preserveRepository = false,
} = {}): Service {
  return new Service(arena, {
    directory: join(directory, 'repository'),
    facts: processFacts(true),
    maxChunkSize: 1 << 20,
    preserveRepository,
    key: 1,
    osThread: osThreadId(),
    tell: () => {},
  });
}

/** Sets the wall clock by so many milliseconds; the other clock goes on. */
function setClock(millis: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + millis);
}

/** A recording of six chunks, with something done before each but the first. */
function record(name: string, between: (chunk: number) => void): string {
  const service = makeService();
  const { id } = service.handle({ op: 'new', options: {} }) as RecordingInfo;
  service.handle({ op: 'start', id });
  for (let chunk = 1; chunk < 6; chunk++) {
    between(chunk);
    service.handle({ op: 'configure', id, options: {} });
  }
  const file = join(directory, name);
  service.handle({ op: 'stop', id, destination: file });
  service.handle({ op: 'close', id });
  return file;
}

async function chunksOf(file: string): Promise<readonly ChunkPlace[]> {
  return (await openRecording(readFileSync(file))).places;
}

/** Every chunk starts where the one before it ends, on the nanosecond. */
function expectSeamless(chunks: readonly ChunkPlace[]): void {
  for (const [index, { header }] of chunks.entries()) {
    expect(header.durationNanos).toBeGreaterThan(0n);
    const before = chunks[index - 1]?.header;
    if (before === undefined) continue;
    expect(header.startNanos).toBe(before.startNanos + before.durationNanos);
    expect(header.startTicks).toBeGreaterThan(before.startTicks);
  }
}

describe('chunks', () => {
  it('follow one another without a gap', async () => {
    const chunks = await chunksOf(record('seamless.jfr', () => {}));
    expect(chunks).toHaveLength(6);
    expectSeamless(chunks);
  });

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('do so when the wall clock is set %s an hour', async (how, millis) => {
    const file = record(`${how}.jfr`, (chunk) => {
      if (chunk === 3) setClock(millis);
    });
    const chunks = await chunksOf(file);
    expect(chunks).toHaveLength(6);
    expectSeamless(chunks);
    for (const jdk of JDKS) expect(jfr(jdk, 'summary', file)).toMatch(/Chunks: 6/);
  });
});

describe('a thread that is gone', () => {
  it('in the middle of an event holds up neither the rotation nor its slot', async () => {
    const arena = createArena({ slots: 1, threadBytes: 8192, globals: 4, globalBytes: 65_536 });
    const service = makeService({ arena });
    const { id } = service.handle({ op: 'new', options: {} }) as RecordingInfo;
    service.handle({ op: 'start', id });
    const writer = attachThread(arena, 'short-lived')!;
    expect(writer.begin()).toBeGreaterThan(0);
    // this one goes unrecorded, and counts as a loss
    expect(attachThread(arena, 'one too many')).toBeUndefined();
    // no thread of a process has the number of another process
    arena.words[arena.slot(writer.slot) + SLOT.osThread] = 1;
    service.handle({ op: 'configure', id, options: {} });
    service.work();
    expect(attachThread(arena, 'the next')).toBeDefined();
    const file = join(directory, 'gone.jfr');
    service.handle({ op: 'stop', id, destination: file });
    service.handle({ op: 'close', id });
    expect(await chunksOf(file)).toHaveLength(2);
    for (const jdk of JDKS) expect(counts(jdk, file).get('jdk.DataLoss')).toBe(1);
  });
});

describe('threads that come and go while nothing is recorded', () => {
  it('leave their slots to others', () => {
    const arena = createArena({ slots: 4, threadBytes: 8192, globals: 4, globalBytes: 65_536 });
    const service = makeService({ arena });
    for (let thread = 0; thread < 20; thread++) {
      const writer = attachThread(arena, `thread ${thread}`);
      expect(writer, `thread ${thread}`).toBeDefined();
      writer!.detach();
      service.work();
    }
  });
});

describe('the repository', () => {
  it.each([
    [false, 'goes'],
    [true, 'stays, its last chunk marked, where that was asked for'],
  ])('at the end (preserve-repository=%s) %s', async (preserved) => {
    const service = makeService({ preserveRepository: preserved });
    const { id } = service.handle({ op: 'new', options: {} }) as RecordingInfo;
    service.handle({ op: 'start', id });
    service.handle({ op: 'configure', id, options: {} });
    service.handle({ op: 'exit', crashed: false });
    const repository = join(directory, 'repository');
    const files = existsSync(repository) ? readdirSync(repository).sort() : [];
    expect(files).toHaveLength(preserved ? 2 : 0);
    const headers = files.map((file) => decodeHeader(readFileSync(join(repository, file))));
    expect(headers.map(({ flags }) => flags & FLAG_FINAL)).toEqual(
      preserved ? [0, FLAG_FINAL] : [],
    );
    rmSync(repository, { recursive: true, force: true });
  });
});

describe('a recording with a duration', () => {
  it.each([-3_600_000, 3_600_000])('ends after it when the clock is set by %i ms', (millis) => {
    const service = makeService();
    const options = { duration: 100_000 };
    const { id } = service.handle({ op: 'new', options }) as RecordingInfo;
    service.handle({ op: 'start', id });
    setClock(millis);
    service.handle({ op: 'configure', id, options: {} });
    service.work();
    expect((service.handle({ op: 'info', id }) as RecordingInfo).state).toBe('running');
    moved.ticks = 100_001e6;
    service.work();
    expect((service.handle({ op: 'info', id }) as RecordingInfo).state).toBe('stopped');
  });
});
