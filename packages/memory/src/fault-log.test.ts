// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FaultLogParser } from './fault-log.ts';
import { attributeFaults } from './faults.ts';
import { readGuestTexts } from './guest-texts.ts';
import { parseText } from './lines.ts';
import { DRAWN_FRAMES, DRAWN_MAPPINGS, DRAWN_NATIVE_MEMORY } from './testing/drawn-guest.ts';

const read = (text: string) => parseText(new FaultLogParser(), text);
const hex = (value: number) => `0x${value.toString(16).padStart(16, '0')}`;

describe('the fault log', () => {
  it('is read in both forms', () => {
    const log = read(
      [
        'UFFD_EVENT_PAGEFAULT (r): 0x00007fffb3cc0123 0x00007fffb3cc0000  Loading: 0x0000000003cc1000 - 0x0000000003cc2000',
        'UFFD_EVENT_PAGEFAULT (w): [4711] 0x00007fffb4497000 0x00007fffb4497000  Zeroing: 0x0000000004498000 - 0x0000000004499000',
        'UFFD_EVENT_REMOVE: 0x00007fffb4497000 - 0x00007fffb4499000',
        'UFFD_EVENT_PAGEFAULT (w): 4712 0x00007fffb0000000 0x00007fffb0000000  Loading: 000000000000000000 - 0x0000000000001000',
        'Handler is ready',
      ].join('\n'),
    );
    expect(log.length).toBe(3);
    expect([...log.address]).toEqual([0x7fffb3cc0123, 0x7fffb4497000, 0x7fffb0000000]);
    expect([...log.offset]).toEqual([0x3cc1000, 0x4498000, 0]);
    expect([...log.bytes]).toEqual([4096, 4096, 4096]);
    expect([...log.write]).toEqual([0, 1, 1]);
    expect([...log.zeroed]).toEqual([0, 1, 0]);
    expect([...log.thread]).toEqual([-1, 4711, 4712]);
    expect([...log.removals.start]).toEqual([0x7fffb4497000]);
    expect([...log.removals.after]).toEqual([2]);
    expect(log.unknown).toEqual({ count: 1, first: [{ line: 5, text: 'Handler is ready' }] });
  });

  it('is read back as it was printed', () => {
    const fault = fc.record({
      page: fc.integer({ min: 1, max: 2 ** 30 }),
      frame: fc.integer({ min: 1, max: 2 ** 20 }),
      write: fc.boolean(),
      zeroed: fc.boolean(),
      thread: fc.option(fc.integer({ min: 1, max: 99_999 })),
    });
    fc.assert(
      fc.property(fc.array(fault), (faults) => {
        const lines = faults.map(({ page, frame, write, zeroed, thread }) => {
          const id = thread === null ? '' : `[${thread}] `;
          const [from, to] = [frame * 4096, (frame + 1) * 4096];
          return `UFFD_EVENT_PAGEFAULT (${write ? 'w' : 'r'}): ${id}${hex(page * 4096)} ${hex(page * 4096)}  ${zeroed ? 'Zeroing' : 'Loading'}: ${hex(from)} - ${hex(to)}`;
        });
        const log = read(lines.join('\n'));
        const back = faults.map((_, i) => ({
          page: log.address[i]! / 4096,
          frame: log.offset[i]! / 4096,
          write: log.write[i] === 1,
          zeroed: log.zeroed[i] === 1,
          thread: log.thread[i] === -1 ? null : log.thread[i],
        }));
        expect(back).toEqual(faults);
      }),
    );
  });

  it.each([
    'UFFD_EVENT_PAGEFAULT (x): 0x1000 0x1000  Loading: 0x1000 - 0x2000',
    'UFFD_EVENT_PAGEFAULT (r): 0x1000 0x1000  Losing: 0x1000 - 0x2000',
    'UFFD_EVENT_PAGEFAULT (r): 0x1000 0x1000  Loading: 0x2000 - 0x1000',
    'UFFD_EVENT_PAGEFAULT (r): [12 0x1000 0x1000  Loading: 0x1000 - 0x2000',
    'UFFD_EVENT_PAGEFAULT (r): 0x1000',
    'UFFD_EVENT_REMOVE: 0x1000',
  ])('refuses %s', (line) => {
    expect(() => read(`\n${line}`)).toThrow(
      expect.objectContaining({ code: 'bad-line', place: { line: 2 } }),
    );
  });
});

describe('faults by owner', () => {
  it('are counted by class, and pages once', () => {
    const { memory } = readGuestTexts({
      mappings: DRAWN_MAPPINGS,
      frames: DRAWN_FRAMES,
      jvms: [{ nativeMemory: DRAWN_NATIVE_MEMORY }],
    });
    const heap = 6 * 4096;
    const cache = 15 * 4096;
    const { classes, table } = attributeFaults(memory, {
      guestPhysical: [heap, cache + 5, heap + 100, 2 ** 30],
    });
    expect(classes.length).toBe(4);
    expect(table.filter(({ faults }) => faults > 0)).toEqual([
      { class: 'java heap', faults: 2, touched: 1, resident: 1 },
      { class: 'page cache', faults: 1, touched: 1, resident: 2 },
      { class: 'unknown', faults: 1, touched: 1, resident: 2 },
    ]);
  });
});
