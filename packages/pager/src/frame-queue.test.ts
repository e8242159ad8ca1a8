// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameQueue } from './frame-queue.ts';

/** A queue whose fetches end when the test says so. */
function drawn(workers: number) {
  const started: number[] = [];
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const queue = new FrameQueue((frame) => {
    started.push(frame);
    return new Promise((resolve, reject) => ends.set(frame, { resolve, reject }));
  }, workers);
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const finish = async (frame: number): Promise<void> => {
    ends.get(frame)!.resolve();
    await settled();
  };
  return { queue, started, ends, finish, settled };
}

describe('the order in which frames are fetched', () => {
  it('is that of asking, a few at a time', async () => {
    const { queue, started, finish } = drawn(2);
    for (const frame of [5, 3, 9, 5]) void queue.load(frame, false);
    expect(started).toEqual([5, 3]);
    await finish(3);
    expect(started).toEqual([5, 3, 9]);
  });

  it('puts what is waited for first, also when it was queued and when every worker is busy', async () => {
    const { queue, started, finish } = drawn(2);
    for (let frame = 0; frame < 8; frame++) void queue.load(frame, false);
    void queue.load(100, true);
    expect(started).toEqual([0, 1, 100]);
    const late = queue.load(7, true);
    expect(started).toEqual([0, 1, 100, 7]);
    for (const frame of [100, 7, 0]) await finish(frame);
    await late;
    expect(started).toEqual([0, 1, 100, 7, 2]);
    for (const frame of [1, 2, 3, 4, 5, 6]) await finish(frame);
    expect(started).toEqual([0, 1, 100, 7, 2, 3, 4, 5, 6]);
  });

  it('tells everybody who asked of a failure, and goes on', async () => {
    const { queue, started, ends, settled } = drawn(1);
    const [first, second] = [queue.load(1, false), queue.load(1, true)];
    const other = queue.load(2, false);
    ends.get(1)!.reject(new Error('no such frame'));
    await expect(first).rejects.toThrow('no such frame');
    await expect(second).rejects.toThrow('no such frame');
    await settled();
    expect(started).toEqual([1, 2]);
    ends.get(2)!.resolve();
    await other;
  });

  it('starts nothing more once it is closed, and waits for what is under way', async () => {
    const { queue, started, finish } = drawn(1);
    void queue.load(1, false);
    void queue.load(2, false);
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await Promise.resolve();
    expect(closed).toBe(false);
    await finish(1);
    await closing;
    expect(started).toEqual([1]);
  });

  it('fetches every frame once, and never more at a time than it may', async () => {
    const asked = fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(asked, fc.integer({ min: 1, max: 5 }), async (asks, workers) => {
        const started: number[] = [];
        let running = 0;
        const queue = new FrameQueue(async (frame) => {
          started.push(frame);
          running++;
          expect(running).toBeLessThanOrEqual(workers + 4);
          await Promise.resolve();
          running--;
        }, workers);
        await Promise.all(asks.map(([frame, urgent]) => queue.load(frame, urgent)));
        expect(new Set(started).size).toBe(started.length);
        expect(new Set(started)).toEqual(new Set(asks.map(([frame]) => frame)));
      }),
    );
  });
});
