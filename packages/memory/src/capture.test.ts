// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bufferSource } from '@rekindle/bytes';
import { OWNER_KINDS } from '@rekindle/events';
import { memorySink, openRecording, writeRecording } from '@rekindle/jfr';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readCapture } from './capture-read.ts';
import { CAPTURE_EVENTS, captureEvents, writeCapture } from './capture-write.ts';
import { CodeListParser } from './compiled-code.ts';
import type { GuestMemory } from './guest-memory.ts';
import { GuestMemoryBuilder } from './guest-memory-builder.ts';
import { readGuestTexts } from './guest-texts.ts';
import { parseText } from './lines.ts';
import { NativeMemoryParser } from './native-memory.ts';
import {
  DRAWN_CODE_LIST,
  DRAWN_FRAMES,
  DRAWN_MAPPINGS,
  DRAWN_NATIVE_MEMORY,
} from './testing/drawn-guest.ts';
import { fixture } from './testing/fixture.ts';

const drawn = readGuestTexts({
  mappings: DRAWN_MAPPINGS,
  frames: DRAWN_FRAMES,
  jvms: [{ nativeMemory: DRAWN_NATIVE_MEMORY, codeList: DRAWN_CODE_LIST }],
}).memory;

function written(memory: GuestMemory): Uint8Array<ArrayBuffer> {
  const sink = memorySink();
  writeCapture(sink, memory, { startNanos: 1_700_000_000_000_000_000n });
  return sink.bytes();
}

async function readBack(bytes: Uint8Array): Promise<GuestMemory | undefined> {
  return readCapture(await openRecording(bufferSource(bytes)));
}

/** What a memory says, without the numbers its tables give to names. */
function said(memory: GuestMemory) {
  const { processes, mappings, runs, frames, jvms } = memory;
  const rows = (length: number, row: (i: number) => unknown) =>
    Array.from({ length }, (_, i) => row(i));
  return {
    processes,
    mappings: rows(mappings.length, (i) => [
      mappings.process[i],
      mappings.start[i],
      mappings.end[i],
      mappings.names[mappings.name[i]!],
      mappings.resident[i],
    ]),
    runs: rows(runs.length, (i) => [
      runs.process[i],
      runs.mapping[i],
      runs.virtual[i],
      runs.guestPhysical[i],
      runs.pages[i],
      runs.flags[i],
    ]),
    frames: rows(frames.count, (i) => [frames.kind[i], frames.names[frames.name[i]!]]),
    jvms: jvms.map(({ pid, process, regions, methods }) => ({
      pid,
      process,
      regions: rows(regions.length, (i) => [
        regions.start[i],
        regions.end[i],
        regions.areas[regions.area[i]!],
        regions.committed[i],
        regions.parent[i],
      ]),
      methods: rows(methods.length, (i) => [
        methods.start[i],
        methods.end[i],
        methods.level[i],
        methods.methods[methods.method[i]!],
      ]),
    })),
  };
}

describe('a capture', () => {
  it('is read back as it was written', async () => {
    const back = await readBack(written(drawn));
    expect(said(back!)).toEqual(said(drawn));
    expect(back!.ownership.classes).toEqual(drawn.ownership.classes);
    expect(back!.ownership.at(9 * 4096)).toEqual(drawn.ownership.at(9 * 4096));
  });

  it('is the same written event by event into another recording', async () => {
    const sink = memorySink();
    const events = captureEvents(drawn, { ticks: 123_456_789_012_345n });
    writeRecording(sink, {
      declarations: CAPTURE_EVENTS,
      startTicks: 123_456_789_000_000n,
      events,
    });
    expect(said((await readBack(sink.bytes()))!)).toEqual(said(drawn));
  });

  it('is read back whatever it holds', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 });
    const guest = fc.record({
      processes: fc.uniqueArray(
        fc.record({ pid: fc.integer({ min: 1, max: 2 ** 22 }), name: text, executable: text }),
        { selector: ({ pid }) => pid, maxLength: 4 },
      ),
      areas: fc.array(
        fc.record({
          process: fc.nat(3),
          page: fc.nat(2 ** 20),
          pages: fc.integer({ min: 1, max: 64 }),
          name: text,
          high: fc.boolean(),
        }),
        { maxLength: 12 },
      ),
      pages: fc.array(
        fc.record({ area: fc.nat(11), page: fc.nat(63), frame: fc.nat(4095), flags: fc.nat(3) }),
        { maxLength: 60 },
      ),
      frames: fc.array(
        fc.record({
          frame: fc.nat(4000),
          pages: fc.integer({ min: 1, max: 99 }),
          kind: fc.constantFrom(...OWNER_KINDS),
          name: text,
        }),
        { maxLength: 20 },
      ),
      reach: fc.nat(6000),
    });
    await fc.assert(
      fc.asyncProperty(guest, async ({ processes, areas, pages, frames, reach }) => {
        const builder = new GuestMemoryBuilder();
        for (const { pid, name, executable } of processes)
          builder.addProcess(pid, name, executable);
        // Areas that do not overlap: each on 2^20 pages of its own.
        const placed = areas
          .filter(({ process }) => process < processes.length)
          .map(({ process, page, pages, name, high }, i) => {
            const start = (high ? 0xffff_8000_0000_0000 : 0) + ((i + 1) * 2 ** 21 + page) * 4096;
            const mapping = builder.addMapping(process, start, start + pages * 4096, name);
            return { process, start, pages, mapping };
          });
        for (const { area, page, frame, flags } of pages) {
          const at = placed[area];
          if (at === undefined || page >= at.pages) continue;
          builder.addPages(at.process, at.mapping, at.start + page * 4096, frame * 4096, 1, flags);
        }
        for (const { frame, pages, kind, name } of frames) {
          builder.addFrames(frame * 4096, pages, kind, name);
        }
        builder.reachTo(reach * 4096);
        const memory = builder.build();
        const back = await readBack(written(memory));
        if (back === undefined) expect(memory.frames.count + memory.processes.length).toBe(0);
        else {
          expect(said(back)).toEqual(said(memory));
          expect(back.ownership.totals()).toEqual(memory.ownership.totals());
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps what real JVMs say of themselves', async () => {
    for (const jdk of ['17', '25']) {
      const builder = new GuestMemoryBuilder();
      const { regions } = parseText(new NativeMemoryParser(), fixture(`native-memory-${jdk}.txt`));
      const { methods } = parseText(new CodeListParser(), fixture(`code-list-${jdk}.txt`));
      builder.addJvm(7, regions, methods);
      const memory = builder.build();
      expect(said((await readBack(written(memory)))!)).toEqual(said(memory));
    }
  });

  it('is small', () => {
    // 40 000 pages in runs of four, as the buddy allocator leaves them.
    const builder = new GuestMemoryBuilder();
    const process = builder.addProcess(214, 'java', '/opt/jdk/bin/java');
    const mapping = builder.addMapping(process, 0x7f00_0000_0000, 0x7fff_0000_0000, '');
    for (let run = 0; run < 10_000; run++) {
      const frame = (run * 7919) % 16_384;
      builder.addPages(process, mapping, 0x7f00_0000_0000 + run * 16_384, frame * 16_384, 4, 1);
    }
    const text = 40_000 * 'p 0x00007f0000000000 0x0000000000000000 1 0\n'.length;
    expect(written(builder.build()).length).toBeLessThan(text / 6);
  });

  it('of nothing is no capture', async () => {
    const sink = memorySink();
    writeRecording(sink, { declarations: CAPTURE_EVENTS, events: [] });
    expect(await readBack(sink.bytes())).toBeUndefined();
  });

  it('of a frame that is no page is refused', async () => {
    const sink = memorySink();
    const event = CAPTURE_EVENTS.find(({ name }) => name === 'rekindle.PageOwner')!;
    const values = { startTime: 1, guestPhysical: 4097, pages: 1, kind: 'slab', owner: '' };
    writeRecording(sink, { declarations: CAPTURE_EVENTS, events: [{ event, values }] });
    await expect(readBack(sink.bytes())).rejects.toThrow(
      expect.objectContaining({ code: 'bad-capture' }),
    );
  });
});

describe('the JDK’s jfr', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rekindle-memory-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const tools = ['jfr', '/usr/lib/jvm/temurin-25-jdk-amd64/bin/jfr'].filter(
    (tool) => (tool === 'jfr' || existsSync(tool)) && spawnSync(tool, ['version']).status === 0,
  );
  if (tools.length === 0) console.warn('no JDK with jfr here: captures are not shown to it');

  it.skipIf(tools.length === 0)('accepts a capture and tells the same', () => {
    const file = join(directory, 'owners.jfr');
    writeFileSync(file, written(drawn));
    for (const tool of tools) {
      const run = (...args: string[]) => spawnSync(tool, [...args, file], { encoding: 'utf8' });
      const summary = run('summary');
      expect(summary.stderr).toBe('');
      expect(summary.stdout).toMatch(/rekindle\.GuestMapping +9 /);
      const print = run('print', '--json', '--events', 'rekindle.*');
      expect(print.stderr).toBe('');
      const { events } = JSON.parse(print.stdout).recording;
      const of = (name: string) =>
        events
          .filter(({ type }: { type: string }) => type === `rekindle.${name}`)
          .map(({ values }: { values: Record<string, unknown> }) => values);
      expect(
        of('GuestProcess').map(({ processName }: { processName: string }) => processName),
      ).toEqual(['bash', 'java']);
      expect(of('JvmMethod')[0]).toMatchObject({
        pid: 214,
        level: 4,
        method: 'java.lang.Object.<init>()V',
      });
      expect(
        of('PageOwner').reduce((sum: number, { pages }: { pages: number }) => sum + pages, 0),
      ).toBe(24);
    }
  });
});
