// SPDX-License-Identifier: Apache-2.0
// Against the run of sixteen pages that is drawn in @rekindle/analysis, testing/drawn-run.ts.
import { installLog } from '@rekindle/analysis';
import { drawnRun, syntheticRun } from '@rekindle/analysis/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LOADED, NEW, PREFETCHED, RECENT, SELECTED, SHARED, USED, ZEROED } from './page-state.ts';
import { PageStates } from './page-states.ts';

const run = drawnRun();
const log = installLog(run);
const fresh = () => new PageStates(run.graph, log, run.faults.columns.duration.values);
const owner = (name: string) => run.graph.owners.find((each) => each.name === name)!.id;

describe('the pages at the playhead', () => {
  let states: PageStates;
  beforeEach(() => {
    states = fresh();
  });

  it('begin as the capture has them', () => {
    expect(states.bytes[0]).toBe(USED);
    expect(states.bytes[11]).toBe(USED | SHARED);
    expect(states.bytes[14]).toBe(0);
  });

  it('know who is selected', () => {
    states.select([owner('Java Heap'), owner('[stack]')]);
    const selected = [...states.bytes].flatMap((byte, slot) => (byte & SELECTED ? [slot] : []));
    expect(selected).toEqual([4, 5, 12]);
    states.select([]);
    expect([...states.bytes].every((byte) => (byte & SELECTED) === 0)).toBe(true);
  });

  it('come in by prefetch, by fault, and as new', () => {
    states.moveTo(6);
    expect(states.bytes[5]).toBe(USED | PREFETCHED);
    expect(states.bytes[4]).toBe(USED | LOADED);
    expect(states.bytes[14]).toBe(LOADED | NEW | ZEROED);
    expect(states.totals).toEqual({
      ...{ faults: 5, copied: 3, zeroed: 1, prefetched: 2, removed: 0, fresh: 1 },
      stalled: 48_000,
    });
  });

  it('go when the guest gives them back', () => {
    states.moveTo(7);
    expect(states.bytes[14]).toBe(0);
    expect(states.event[14]).toBe(-1);
    expect(states.totals.removed).toBe(2);
  });

  it('count for every owner that shows them, once', () => {
    states.moveTo(log.length);
    const loaded = (name: string) => states.loaded[owner(name)];
    expect(loaded('java')).toBe(4);
    expect(loaded('bash')).toBe(2);
    expect(loaded('page cache')).toBe(1);
    expect(loaded('Java Heap')).toBe(2);
  });

  it('glow for a moment', () => {
    states.moveTo(3, 1);
    expect(states.bytes[0]! & RECENT).toBe(RECENT);
    expect(states.bytes[5]! & RECENT).toBe(0);
    states.moveTo(3, 3);
    expect([...states.bytes].every((byte) => (byte & RECENT) === 0)).toBe(true);
  });

  it('tell which slots changed', () => {
    const changed: number[] = [];
    states.onChange((slot, pages) => changed.push(slot, pages));
    states.moveTo(2);
    expect(changed).toEqual([5, 2, 0, 1]);
  });
});

it('are the same however the playhead got there', () => {
  const whole = syntheticRun('any', { seed: 5, prefetch: 0.2 });
  const events = installLog(whole);
  const make = () => new PageStates(whole.graph, events, whole.faults.columns.duration.values);
  fc.assert(
    fc.property(fc.array(fc.nat(events.length), { minLength: 1, maxLength: 5 }), (stops) => {
      const [walked, jumped] = [make(), make()];
      for (const stop of stops) walked.moveTo(stop, Math.max(0, stop - 40));
      const last = stops.at(-1)!;
      jumped.moveTo(last, Math.max(0, last - 40));
      expect(Buffer.compare(walked.bytes, jumped.bytes)).toBe(0);
      expect(walked.totals).toEqual(jumped.totals);
      expect(walked.loaded).toEqual(jumped.loaded);
    }),
    { numRuns: 12 },
  );
});
