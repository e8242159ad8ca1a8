// SPDX-License-Identifier: Apache-2.0
import { HttpProbe, PageFault, PagerSummary } from '@rekindle/events';
import { memorySink, openRecording, recorded, writeRecording } from '@rekindle/jfr';
import { describe, expect, it } from 'vitest';
import { AnalysisError } from './error.ts';
import { loadRun } from './load.ts';
import { ownersOfFaults } from './owners.ts';
import type { Run } from './run.ts';
import { summarize } from './summary.ts';
import { toObjects } from './table.ts';
import { drawnRun } from './testing/drawn-run.ts';
import { syntheticRun } from './testing/synthetic.ts';
import { recordingOf } from './testing/synthetic-recording.ts';

const reload = async (run: Run) =>
  loadRun(await openRecording(await recordingOf(run)), { name: run.name });

const fault = (startTime: number, guestPhysical: number) =>
  recorded(PageFault, {
    ...{ startTime, duration: 5, guestPhysical, hostVirtual: 0, write: false },
    ...{ action: 'copy', vcpuThread: 1, region: 0 },
  });

describe('a run read from a recording', () => {
  it.each([
    ['drawn', drawnRun()],
    ['synthetic', syntheticRun('synthetic', { prefetch: 0.4 })],
    ['above 4 GiB', syntheticRun('above', { ram: 5 * 1024 ** 3, seed: 3 })],
  ])('%s: is the run that was written', async (_, run) => {
    const read = await reload(run);
    for (const name of ['faults', 'prefetches', 'removals', 'phases', 'probes'] as const) {
      const [before, after] = [run[name], read[name]];
      expect(after.rows).toBe(before.rows);
      for (const [field, { values }] of Object.entries(before.columns)) {
        const found = after.columns[
          field as keyof typeof after.columns
        ] as typeof before.columns.ticks;
        expect([...found.values], `${name}.${field}`).toEqual([...values]);
      }
    }
    expect(toObjects(ownersOfFaults(read)).map(({ owner, faults }) => [owner, faults])).toEqual(
      toObjects(ownersOfFaults({ ...run, ram: read.ram, graph: read.graph })).map((row) => [
        row.owner,
        row.faults,
      ]),
    );
    expect(summarize(read)).toEqual(summarize(run));
  });

  it('puts events that came out of order in order', async () => {
    const sink = memorySink();
    const events = [fault(300, 0x3000), fault(100, 0x1000), fault(200, 0x2000)];
    writeRecording(sink, { declarations: [PageFault], events });
    const run = await loadRun(await openRecording(sink.bytes()));
    expect([...run.faults.columns.guestPhysical.values]).toEqual([0x1000, 0x2000, 0x3000]);
    expect([...run.faults.columns.ticks.values]).toEqual([0, 100, 200]);
    expect(run.memory).toBeUndefined();
  });

  it('counts the faults that the pager saw and the recording does not hold', async () => {
    const sink = memorySink();
    const counts = { copied: 3, zeroed: 0, prefetched: 0, wasted: -1, removed: 0, stalled: 15 };
    const summary = recorded(PagerSummary, { startTime: 900, faults: 3, ...counts });
    const events = [fault(100, 0x1000), fault(200, 0x2000), summary];
    writeRecording(sink, { declarations: [PageFault, PagerSummary], events });
    const run = await loadRun(await openRecording(sink.bytes()));
    expect(run.unrecorded).toBe(1);
    expect((await reload(drawnRun())).unrecorded).toBe(0);
  });

  it('says what to do when there is nothing to see in it', async () => {
    const sink = memorySink();
    writeRecording(sink, { declarations: [HttpProbe], events: [] });
    const recording = await openRecording(sink.bytes());
    const failed = loadRun(recording, { name: 'empty.jfr' });
    await expect(failed).rejects.toThrow(AnalysisError);
    await expect(failed).rejects.toMatchObject({
      code: 'no-run',
      place: 'empty.jfr',
      hint: expect.stringContaining('--record'),
    });
  });

  it('refuses pages where no guest has any', async () => {
    const sink = memorySink();
    writeRecording(sink, { declarations: [PageFault], events: [fault(1, 2 ** 52)] });
    const failed = loadRun(await openRecording(sink.bytes()), { name: 'far.jfr' });
    await expect(failed).rejects.toMatchObject({ code: 'bad-run', place: 'far.jfr' });
  });

  it('reads the same without compiled code', async () => {
    const bytes = await recordingOf(drawnRun());
    const run = await loadRun(await openRecording(bytes, { decode: 'interpreted' }));
    expect(summarize(run)).toMatchObject({ faults: 6, zeroed: 1, raced: 1, prefetched: 2 });
  });
});
