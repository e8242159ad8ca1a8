// SPDX-License-Identifier: Apache-2.0
import { makeRun } from '@rekindle/analysis';
import { drawnRun, firstRows, recordingOf } from '@rekindle/analysis/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunView } from './model/run-view.ts';
import { kindOf, type OpenableFile, openRuns } from './open.ts';

const file = (name: string, content: string | Uint8Array): OpenableFile => ({
  name,
  bytes: async () => (typeof content === 'string' ? new TextEncoder().encode(content) : content),
});

const mappings = file(
  'mem_mapping.txt',
  '= 42 /bin/java\nv 0x0000000000010000 0x0000000000020000\np 0x0000000000010000 0x0000000000003000 1 0\n',
);
const log = file(
  'uffd.log',
  'UFFD_EVENT_PAGEFAULT (r): 0x00007fff00003000 0x00007fff00003000  Loading: 0x0000000000003000 - 0x0000000000004000\n',
);
const nmt = file(
  'nmt.log',
  '42:\n\nNative Memory Tracking:\n\nVirtual memory map:\n\n[0x0000000000010000 - 0x0000000000020000] reserved 64KB for Java Heap from\n\t[0x0000000000010000 - 0x0000000000020000] committed 64KB from\n\nDetails:\n',
);

const whole = await recordingOf(drawnRun());

describe('what a file is', () => {
  it('its content says', async () => {
    expect(kindOf(whole)).toBe('recording');
    expect(kindOf(await mappings.bytes())).toBe('mappings');
    expect(kindOf(await log.bytes())).toBe('fault-log');
    expect(kindOf(await nmt.bytes())).toBe('native-memory');
    expect(kindOf(new TextEncoder().encode('hello\n'))).toBeUndefined();
    expect(kindOf(new Uint8Array(0))).toBeUndefined();
  });
});

describe('files as runs', () => {
  it('reads recordings, one run each', async () => {
    const { runs } = await openRuns([file('a.jfr', whole), file('b.jfr', whole)]);
    expect(runs.map(({ name, faults }) => [name, faults.rows])).toEqual([
      ['a.jfr', 6],
      ['b.jfr', 6],
    ]);
  });

  it('reads texts in any order as one run', async () => {
    const [run] = (await openRuns([nmt, log, mappings])).runs;
    expect(run?.timed).toBe(false);
    expect(run?.graph.owners.map(({ name }) => name)).toContain('Java Heap');
    const [memoryOnly] = (await openRuns([mappings])).runs;
    expect(memoryOnly?.faults.rows).toBe(0);
  });

  it('shows what is whole of a damaged recording, and says what is lost', async () => {
    const { runs, warnings } = await openRuns([
      file('cut.jfr', whole.subarray(0, whole.length - 50)),
    ]);
    expect(runs[0]?.faults.rows).toBe(6);
    expect(warnings).toEqual([expect.stringMatching(/^cut.jfr is damaged: \d+ bytes/)]);
  });

  it('lends the capture of one recording to another that has none', async () => {
    const run = drawnRun();
    const bare = await recordingOf({ ...run, memory: undefined });
    const owners = await recordingOf(
      makeRun({ name: 'owners', faults: firstRows(run.faults, 0), memory: run.memory }),
    );
    const { runs } = await openRuns([file('owners.jfr', owners), file('bare.jfr', bare)]);
    expect(runs).toHaveLength(1);
    expect(runs[0]).toMatchObject({ name: 'bare.jfr' });
    expect(runs[0]?.graph.roots().map(({ name }) => name)).toContain('java');
  });

  it('shows or refuses a mutilated recording, and never anything else', async () => {
    const mutation = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), async (mutations) => {
        const bytes = whole.slice();
        for (const { at, byte } of mutations) bytes[at] = byte;
        try {
          const { runs } = await openRuns([file('x.jfr', bytes)]);
          for (const run of runs) new RunView(run).repaint();
        } catch (error) {
          expect(error).toHaveProperty('code');
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['empty', [file('x.jfr', '')], 'empty-file'],
    ['something else', [file('x.txt', 'hello')], 'unknown-file'],
    ['native memory tracking alone', [nmt], 'not-together'],
    ['two logs', [log, file('other.log', 'UFFD_EVENT_REMOVE: 0x1000 - 0x2000\n')], 'not-together'],
    ['a recording of which nothing is left', [file('x.jfr', whole.subarray(0, 90))], 'damaged'],
  ])('refuses %s with a hint', async (_, files, code) => {
    await expect(openRuns(files)).rejects.toMatchObject({
      code,
      hint: expect.stringMatching(/\w+/),
    });
  });
});
