// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Arena, createArena } from './arena.ts';
import { Throttles } from './throttle.ts';

const TYPE = 7;

function arena(rate: number): Arena {
  const made = createArena({ slots: 1, threadBytes: 4096, globals: 2, globalBytes: 65_536 });
  made.rates[TYPE] = rate;
  return made;
}

/** Moments at which events were taken, of `perSecond` offered for so many seconds. */
function taken(rate: number, perSecond: number, seconds: number): number[] {
  const throttle = new Throttles(arena(rate));
  const found: number[] = [];
  for (let event = 0; event < perSecond * seconds; event++) {
    const time = (event / perSecond) * 1e9;
    if (throttle.take(TYPE, time)) found.push(time);
  }
  return found;
}

describe('a throttled type', () => {
  it('gives at most its rate, and most of it where enough is offered', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 20_000 }),
        (rate, offered) => {
          const count = taken(rate, offered, 4).length;
          // the first window has a burst of its own
          expect(count).toBeLessThanOrEqual(rate * 4 + Math.max(1, rate / 5) + 1);
          if (offered > rate * 4) expect(count).toBeGreaterThan(rate * 4 * 0.5 - 2);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes events from all of a window, not only from its beginning', () => {
    const times = taken(100, 10_000, 5).filter((time) => time > 2e9);
    const late = times.filter((time) => (time % 0.2e9) / 0.2e9 > 0.5);
    expect(late.length).toBeGreaterThan(times.length / 4);
  });

  it('takes all where nothing limits it, and none at 0/s', () => {
    expect(taken(Number.POSITIVE_INFINITY, 1000, 1)).toHaveLength(1000);
    expect(taken(0, 1000, 2)).toHaveLength(0);
  });
});
