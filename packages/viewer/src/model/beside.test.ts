// SPDX-License-Identifier: Apache-2.0
import { drawnRun, MICROSECOND, syntheticRun } from '@rekindle/analysis/testing';
import { describe, expect, it } from 'vitest';
import { follow } from './beside.ts';
import { RunView } from './run-view.ts';

describe('a run beside another', () => {
  it('is at the same moment, as far as it goes', () => {
    const front = new RunView(syntheticRun('on demand'));
    const behind = new RunView(syntheticRun('prefetched', { prefetch: 0.9 }));
    front.playback.seek(30e6);
    front.follow();
    follow(front, behind);
    expect(behind.playback.position).toBe(30e6);
    expect(behind.states.applied).toBe(behind.axes.time.countAt(30e6));
    front.playback.seek(front.playback.length);
    follow(front, behind);
    expect(behind.playback.position).toBe(behind.playback.length);
    expect(behind.states.applied).toBe(behind.log.length);
  });

  it('looks the same: colours, space, rows, axis and selection', () => {
    const [front, behind] = [new RunView(drawnRun()), new RunView(drawnRun())];
    const bash = front.graph.owners.find(({ name }) => name === 'bash')!;
    front.select([bash.id]);
    front.setColouring('owner');
    front.setSpace('virtual');
    front.setColumns(128);
    front.setAxis('order');
    front.seekEvent(2);
    follow(front, behind);
    expect(behind).toMatchObject({ colouring: 'owner', space: 'virtual', columns: 128 });
    expect([...behind.selection]).toEqual([bash.id]);
    expect(behind.spaceOwner).toBe(bash.id);
    expect(behind.axis.name).toBe('order');
    expect(behind.states.applied).toBe(3);
    front.setAxis('time');
    follow(front, behind);
    expect(behind.playback.position).toBe(120 * MICROSECOND);
  });

  it('selects owners by what they are, not by their number', () => {
    const [front, behind] = [new RunView(syntheticRun('a')), new RunView(drawnRun())];
    const kernel = front.graph.owners.find(({ kind }) => kind === 'kernel')!;
    const heap = front.graph.owners.find(({ name }) => name === 'Java Heap')!;
    front.select([kernel.id, heap.id]);
    follow(front, behind);
    const names = [...behind.selection].map((id) => behind.graph.owners[id]!.name);
    // The heap of the other process is another heap.
    expect(names).toEqual(['kernel']);
  });
});
