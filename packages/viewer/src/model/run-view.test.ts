// SPDX-License-Identifier: Apache-2.0
import { makeRun } from '@rekindle/analysis';
import { drawnRun, firstRows, MICROSECOND, syntheticRun } from '@rekindle/analysis/testing';
import { describe, expect, it } from 'vitest';
import { hex } from './colour.ts';
import { RunView } from './run-view.ts';
import { findPage } from './search.ts';
import { DARK, LIGHT } from './theme.ts';

const owner = (view: RunView, name: string) =>
  view.graph.owners.find((each) => each.name === name)!.id;
const colour = (view: RunView, slot: number) => {
  view.repaint();
  const painted = view.pixels.words[view.grid.cellOf(slot)]!;
  expect(painted).toBe(view.colourOf(slot));
  return hex(painted);
};

describe('a run as it is looked at', () => {
  it('begins at the start, with the largest process selected', () => {
    const view = new RunView(drawnRun());
    expect(view.selection).toEqual(new Set([owner(view, 'java')]));
    expect(view.states.applied).toBe(0);
    expect(colour(view, 4)).toBe(LIGHT.selected);
    expect(colour(view, 11)).toBe(LIGHT.shared);
    expect(colour(view, 12)).toBe(LIGHT.used);
    expect(colour(view, 13)).toBe(LIGHT.unused);
    expect(view.firstResponse).toBe(350 * MICROSECOND);
  });

  it('paints what has come in', () => {
    const view = new RunView(drawnRun());
    view.playback.seek(view.playback.length);
    view.follow();
    expect(colour(view, 4)).toBe(LIGHT.loadedSelected);
    expect(colour(view, 5)).toBe(LIGHT.prefetchedSelected);
    expect(colour(view, 12)).toBe(LIGHT.loaded);
    expect(colour(view, 0)).toBe(LIGHT.loaded);
    expect(colour(view, 14)).toBe(LIGHT.unused);
    view.setTheme(DARK);
    expect(colour(view, 4)).toBe(DARK.loadedSelected);
  });

  it('steps from event to event, forward and back', () => {
    const view = new RunView(drawnRun());
    view.seekEvent(0);
    expect(view.states.applied).toBe(1);
    view.seekEvent(view.states.applied);
    expect(view.states.applied).toBe(2);
    view.seekEvent(-1);
    expect(view.states.applied).toBe(0);
  });

  it('keeps the moment when the axis changes', () => {
    const view = new RunView(drawnRun());
    view.seekEvent(4);
    view.setAxis('order');
    expect(view.playback.position).toBe(5);
    expect(view.states.applied).toBe(5);
    view.setAxis('time');
    expect(view.playback.position).toBe(150 * MICROSECOND);
  });

  it('colours by order, service time and owner', () => {
    const view = new RunView(drawnRun());
    view.playback.seek(view.playback.length);
    view.follow();
    view.setColouring('order');
    expect(colour(view, 5)).toBe(LIGHT.ramp[0]);
    view.setColouring('service');
    const [fast, slow] = [colour(view, 11), colour(view, 12)];
    expect(fast).not.toBe(slow);
    view.setColouring('owner');
    expect(colour(view, 4)).toBe(LIGHT.classes[0]);
    expect(colour(view, 12)).toBe(LIGHT.classes[6]);
  });

  it('compares two runs page by page', () => {
    const [view, other] = [new RunView(drawnRun()), new RunView(drawnRun())];
    expect(view.comparable).toBe(false);
    view.compareWith(other);
    view.setColouring('compare');
    expect(colour(view, 4)).toBe(LIGHT.fresh);
    view.playback.seek(view.playback.length);
    view.follow();
    expect(colour(view, 4)).toBe(LIGHT.loaded);
    expect(colour(view, 7)).toBe(LIGHT.selected);
    // Without faults of its own the other run has nothing.
    const { faults, prefetches, removals, ...rest } = drawnRun();
    const nothing = new RunView(makeRun({ ...rest, faults: firstRows(faults, 0) }));
    view.compareWith(nothing);
    expect(colour(view, 4)).toBe(LIGHT.loadedSelected);
    view.compareWith(undefined);
    expect(view.colouring).toBe('state');
    expect(prefetches.rows + removals.rows).toBe(2);
  });

  it('shows the address space of the selected process', () => {
    const view = new RunView(drawnRun());
    view.setSpace('virtual');
    expect(view.graph.owners[view.spaceOwner!]!.name).toBe('java');
    expect(view.grid.cellOf(12)).toBe(-1);
    view.select([owner(view, '[stack]')]);
    expect(view.graph.owners[view.spaceOwner!]!.name).toBe('bash');
    expect(view.grid.cellOf(12)).toBeGreaterThanOrEqual(0);
    view.setSpace('physical');
    expect(view.spaceOwner).toBeUndefined();
  });

  it('finds pages by what someone types', () => {
    const view = new RunView(drawnRun());
    expect(findPage(view, '0x4010')).toEqual({ slot: 4 });
    expect(findPage(view, ' 12 ')).toEqual({ slot: 12 });
    expect(findPage(view, '0x7fff_0000_0000')).toEqual({ slot: 6 });
    expect(findPage(view, '0xdead0000000')).toBe('no page in memory there');
    expect(findPage(view, '99')).toBe('no such frame');
    expect(findPage(view, 'heap')).toBe('neither 0x… nor a frame number');
    expect(findPage(view, '')).toBe('');
  });
});

it('gives larger memory longer rows', () => {
  const columns = (gib: number) =>
    new RunView(syntheticRun('any', { ram: gib * 1024 ** 3 })).columns;
  expect([columns(1), columns(2), columns(4), columns(16)]).toEqual([512, 512, 1024, 2048]);
});

it('paints a frame of sixteen GiB while it plays in a few milliseconds', () => {
  const view = new RunView(syntheticRun('large', { ram: 16 * 1024 ** 3 }));
  view.repaint();
  view.playback.play();
  const times: number[] = [];
  for (let frame = 0; frame < 40; frame++) {
    const start = performance.now();
    view.playback.advance(16);
    view.follow();
    view.repaint();
    times.push(performance.now() - start);
  }
  const median = times.sort((a, b) => a - b)[20]!;
  // A frame has 16 ms; the bound leaves room for a machine that has other work to do.
  expect(median).toBeLessThan(16);
});
