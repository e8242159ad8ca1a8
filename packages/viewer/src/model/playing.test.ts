// SPDX-License-Identifier: Apache-2.0
import { FAULTED, installLog } from '@rekindle/analysis';
import { drawnRun, MICROSECOND, syntheticRun } from '@rekindle/analysis/testing';
import { describe, expect, it } from 'vitest';
import { Axis } from './axis.ts';
import * as format from './format.ts';
import { axisTicks, lanes, membership } from './lanes.ts';
import { Playback } from './playback.ts';

const run = drawnRun();
const log = installLog(run);
const time = new Axis('time', log, run.duration);
const order = new Axis('order', log, run.duration);

describe('an axis', () => {
  it('counts events at a position', () => {
    expect(time.countAt(119 * MICROSECOND)).toBe(2);
    expect(time.countAt(120 * MICROSECOND)).toBe(3);
    expect(order.countAt(3)).toBe(3);
    expect(order.length).toBe(8);
  });

  it('means the same moment on the other', () => {
    expect(time.translate(121 * MICROSECOND, order)).toBe(4);
    expect(order.translate(4, time)).toBe(121 * MICROSECOND);
    expect(time.translate(0, order)).toBe(0);
    expect(time.translate(time.length, order)).toBe(order.length);
  });
});

describe('the playhead', () => {
  it('takes the seconds it is told for the whole', () => {
    const playback = new Playback(1e9);
    playback.seconds = 4;
    expect(playback.slowdown).toBe(4);
    expect(playback.advance(100)).toBe(false);
    playback.play();
    expect(playback.advance(1000)).toBe(true);
    expect(playback.position).toBe(0.25e9);
    playback.advance(60_000);
    expect(playback.position).toBe(1e9);
    expect(playback.playing).toBe(false);
  });

  it('starts over when it stands at the end', () => {
    const playback = new Playback(100);
    playback.seek(1000);
    expect(playback.position).toBe(100);
    playback.toggle();
    expect(playback).toMatchObject({ position: 0, playing: true });
    playback.toggle();
    expect(playback.playing).toBe(false);
  });
});

describe('what the timeline draws', () => {
  const durations = run.faults.columns.duration.values;
  const none = () => false;
  const whole = { from: 0, to: time.length };
  const options = { log, axis: time, durations, isSelected: none, slices: 7, span: whole };

  it('counts what came in, per slice', () => {
    const { others, prefetched, cumulative, peak } = lanes(options);
    expect([...others]).toEqual([0, 0, 3, 1, 1, 0, 1]);
    expect([...prefetched]).toEqual([0, 2, 0, 0, 0, 0, 0]);
    expect([...cumulative]).toEqual([0, 2, 5, 6, 7, 7, 8]);
    expect(peak).toBe(3);
  });

  it('tells the selection apart', () => {
    const heap = run.graph.owners.find(({ name }) => name === 'Java Heap')!.id;
    const drawn = lanes({ ...options, isSelected: membership(run.graph, [heap]) });
    expect([...drawn.selected]).toEqual([0, 0, 2, 0, 0, 0, 0]);
    expect([...drawn.others]).toEqual([0, 0, 1, 1, 1, 0, 1]);
  });

  it('measures how much of the time the guest stood still', () => {
    const { stall } = lanes(options);
    expect(stall[2]).toBeCloseTo(33 / 50, 6);
    expect(stall[0]).toBe(0);
  });

  it('loses no fault of a whole run, on either axis', () => {
    const large = syntheticRun('large', { prefetch: 0.3 });
    const events = installLog(large);
    const faults = [...events.cause].filter((cause) => cause === FAULTED).length;
    for (const name of ['time', 'order'] as const) {
      const axis = new Axis(name, events, large.duration);
      const span = { from: 0, to: axis.length };
      const service = large.faults.columns.duration.values;
      const cut = { ...options, log: events, axis, durations: service, slices: 333, span };
      const drawn = lanes(cut);
      expect(drawn.others.reduce((sum, value) => sum + value)).toBe(faults);
      expect(drawn.cumulative.at(-1)).toBe(drawn.total);
      // Two halves hold what the whole does.
      const middle = axis.length / 2;
      const parts = [
        lanes({ ...cut, span: { from: 0, to: middle } }),
        lanes({ ...cut, span: { from: middle, to: axis.length } }),
      ];
      const sum = parts.flatMap(({ others }) => [...others]).reduce((a, b) => a + b);
      expect(sum).toBe(faults);
      expect(parts[1]!.cumulative.at(-1)).toBe(drawn.total);
      const stalled = (of: typeof drawn, length: number) =>
        (of.stall.reduce((a, b) => a + b) * length) / 333;
      expect(stalled(parts[0]!, middle) + stalled(parts[1]!, middle)).toBeCloseTo(
        stalled(drawn, axis.length),
        0,
      );
    }
  });

  it('shows a part of the axis', () => {
    const span = { from: 100 * MICROSECOND, to: 170 * MICROSECOND };
    const { others, prefetched, cumulative, stall, total } = lanes({ ...options, span });
    expect([...others]).toEqual([1, 0, 2, 0, 0, 1, 0]);
    expect([...prefetched]).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(cumulative[0]).toBe(3);
    expect(total).toBe(8);
    expect(stall[3]).toBeCloseTo(1);
  });

  it('labels round positions', () => {
    expect(axisTicks({ from: 0, to: 268e6 }, 8)).toEqual([0, 50e6, 100e6, 150e6, 200e6, 250e6]);
    expect(axisTicks({ from: 0, to: 7 }, 3)).toEqual([0, 5]);
    expect(axisTicks({ from: 101, to: 139 }, 4)).toEqual([110, 120, 130]);
  });
});

describe('numbers as people read them', () => {
  it.each([
    [format.bytes(0), '0 B'],
    [format.bytes(1536), '1.50 KiB'],
    [format.bytes(62_696 * 1024), '61.2 MiB'],
    [format.nanos(17_500), '17.5 µs'],
    [format.nanos(418e6), '418 ms'],
    [format.nanos(2.5e9), '2.50 s'],
    [format.nanos(999), '999 ns'],
    [format.nanosBy(100.25e6, 0.25e6), '100.3 ms'],
    [format.nanosBy(100.25e6, 0.05e6), '100.25 ms'],
    [format.nanosBy(50e6, 50e6), '50 ms'],
    [format.nanosBy(0, 50e6), '0 ns'],
    [format.count(1234567), '1\u2009234\u2009567'],
    [format.address(0x3034000), '0x003034000'],
    [format.percent(1, 16), '6.3 %'],
    [format.percent(0, 0), '–'],
  ])('%s', (said, expected) => expect(said).toBe(expected));
});
