// SPDX-License-Identifier: Apache-2.0
// Strict reading stops with code, chunk, offset and reason; salvage returns every complete event and
// says what was lost.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { JfrError } from './error.ts';
import { openRecording, type ReadOptions } from './recording.ts';
import {
  type Bytes,
  checkpoint,
  chunk,
  event,
  eventClass,
  field,
  metadata,
  PRIMITIVES,
  primitive,
  text,
  tree,
  varint,
} from './testing/assemble.ts';
import { oddRecordings } from './testing/corpus.ts';

const TYPES = metadata([
  eventClass('test.Number', 100, [field('number', primitive('int'))]),
  eventClass('test.Text', 101, [field('text', primitive('java.lang.String'))]),
  eventClass('test.Named', 102, [field('name', '200', { constantPool: 'true' })]),
  tree('class', { name: 'test.Name', id: '200' }, [field('text', primitive('java.lang.String'))]),
  ...PRIMITIVES,
]);
const NAMES = new Map([[200, [{ key: 1, value: text('one') }]]]);
const HEADER = 68;
const number = (value: number): Bytes => event(100, varint(value));

/** What is read, and the first error or the losses. */
async function read(
  bytes: Uint8Array,
  options: ReadOptions = {},
): Promise<{ events: string[]; error?: JfrError; losses: string[] }> {
  const events: string[] = [];
  try {
    const recording = await openRecording(bytes, options);
    for await (const item of recording.events()) events.push(JSON.stringify(item.fields));
    for await (const one of recording.chunks()) {
      const counted = one.eventTypes.map(({ name }) => one.columns(name).length);
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe([...one.events()].length);
    }
    const losses = recording.losses.map(
      ({ code, chunk: index, offset, bytes: lost, what }) =>
        `${code} ${what} chunk ${index} at ${offset}, ${lost} bytes`,
    );
    return { events, losses: [...new Set(losses)] };
  } catch (error) {
    if (!(error instanceof JfrError)) throw error;
    return { events, error, losses: [] };
  }
}

interface Case {
  readonly name: string;
  readonly bytes: () => Uint8Array;
  /** Of the strict error. */
  readonly code: string;
  readonly offset: number;
  readonly salvaged: readonly string[];
  readonly losses: readonly string[];
}

const T = HEADER + TYPES.length;
const N = number(1).length;
/** Size (4), type, ticks, duration, delta, mask, pool count. */
const CHECKPOINT_HEAD = 10;
const ONE = '{"number":1}';
const TWO = '{"number":2}';
const THREE = '{"number":3}';
const three = (): Bytes[] => [TYPES, number(1), number(2), number(3)];

const cases: readonly Case[] = [
  {
    name: 'a truncated chunk',
    bytes: () => chunk(three()).slice(0, -1),
    code: 'JFR_TRUNCATED',
    offset: 0,
    salvaged: [ONE, TWO],
    losses: [
      'JFR_TRUNCATED chunk chunk 0 at 0, 1 bytes',
      `JFR_BAD_EVENT_SIZE events chunk 0 at ${T + 2 * N}, ${N - 1} bytes`,
    ],
  },
  {
    name: 'a torn tail: zeroes where events should be',
    bytes: () => chunk([...three(), [0, 0, 0, 0]], { metadataPosition: HEADER }),
    code: 'JFR_EMPTY_EVENT',
    offset: T + 3 * N,
    salvaged: [ONE, TWO, THREE],
    losses: [`JFR_EMPTY_EVENT events chunk 0 at ${T + 3 * N}, 4 bytes`],
  },
  {
    name: 'a zero-size event before a checkpoint: reading goes on there',
    bytes: () => chunk([TYPES, number(1), [0], number(2), checkpoint(NAMES), number(3)]),
    code: 'JFR_EMPTY_EVENT',
    offset: T + N,
    salvaged: [ONE, THREE],
    losses: [`JFR_EMPTY_EVENT events chunk 0 at ${T + N}, ${N + 1} bytes`],
  },
  {
    name: 'a lying length that reaches beyond the chunk',
    bytes: () => chunk([TYPES, number(1), [120, 100, 2], number(2)]),
    code: 'JFR_BAD_EVENT_SIZE',
    offset: T + N,
    salvaged: [ONE],
    losses: [`JFR_BAD_EVENT_SIZE events chunk 0 at ${T + N}, ${N + 3} bytes`],
  },
  {
    name: 'a lying length that reaches across a checkpoint',
    bytes: () => chunk([TYPES, number(1), [9, 100, 2], checkpoint(NAMES), number(3)]),
    code: 'JFR_BAD_EVENT_SIZE',
    offset: T + N,
    salvaged: [ONE, THREE],
    losses: [`JFR_BAD_EVENT_SIZE events chunk 0 at ${T + N}, 3 bytes`],
  },
  {
    name: 'a length of 2^62',
    bytes: () => chunk([TYPES, number(1), [...varint(2n ** 62n), 100, 2]]),
    code: 'JFR_BAD_EVENT_SIZE',
    offset: T + N,
    salvaged: [ONE],
    losses: [`JFR_BAD_EVENT_SIZE events chunk 0 at ${T + N}, 11 bytes`],
  },
  {
    name: 'an event too small for its fields',
    bytes: () => chunk([TYPES, number(1), event(100, []), number(3)]),
    code: 'JFR_EVENT_OVERRUN',
    offset: T + N,
    salvaged: [ONE, THREE],
    losses: [`JFR_EVENT_OVERRUN event chunk 0 at ${T + N}, 2 bytes`],
  },
  {
    name: 'a string longer than its event',
    bytes: () => chunk([TYPES, event(101, [3, ...varint(2 ** 40), 65]), number(3)]),
    code: 'JFR_EVENT_OVERRUN',
    offset: T,
    salvaged: [THREE],
    losses: [`JFR_EVENT_OVERRUN event chunk 0 at ${T}, 10 bytes`],
  },
  {
    name: 'a metadata position outside the chunk: the metadata is found',
    bytes: () => chunk(three(), { metadataPosition: 2 ** 40 }),
    code: 'JFR_BAD_POINTER',
    offset: 24,
    salvaged: [ONE, TWO, THREE],
    losses: [`JFR_BAD_POINTER metadata chunk 0 at ${2 ** 40}, 0 bytes`],
  },
  {
    name: 'a checkpoint position outside the chunk: the checkpoints are found',
    bytes: () =>
      chunk([TYPES, event(102, [1]), checkpoint(NAMES)], { constantPoolPosition: 2 ** 50 }),
    code: 'JFR_BAD_POINTER',
    offset: 16,
    salvaged: ['{"name":{"text":"one"}}'],
    losses: ['JFR_BAD_POINTER pointer chunk 0 at 16, 0 bytes'],
  },
  {
    name: 'a checkpoint that points at itself by way of another',
    bytes: () => {
      const length = checkpoint(NAMES, 30).length;
      return chunk([TYPES, checkpoint(NAMES, length), checkpoint(NAMES, -length), event(102, [1])]);
    },
    code: 'JFR_CYCLIC_CHECKPOINTS',
    offset: T,
    salvaged: ['{"name":{"text":"one"}}'],
    losses: [`JFR_CYCLIC_CHECKPOINTS pointer chunk 0 at ${T}, 0 bytes`],
  },
  {
    name: 'a pooled string that stands for itself',
    bytes: () =>
      chunk([
        TYPES,
        event(101, [2, 1]),
        checkpoint(new Map([[9, [{ key: 1, value: [2, 1] }]]])),
        number(1),
      ]),
    code: 'JFR_BAD_CHECKPOINT',
    offset: T + 4 + CHECKPOINT_HEAD + 3,
    salvaged: ['{"text":null}', ONE],
    losses: [`JFR_BAD_CHECKPOINT checkpoint chunk 0 at ${T + 4 + CHECKPOINT_HEAD + 3}, 0 bytes`],
  },
  {
    name: 'a checkpoint with a pool of 2^40 entries',
    bytes: () =>
      chunk([TYPES, event(1, [0, 0, 0, 0, 1, ...varint(200), ...varint(2 ** 40)]), number(1)]),
    code: 'JFR_BAD_CHECKPOINT',
    offset: T + 15,
    salvaged: [ONE],
    losses: [`JFR_BAD_CHECKPOINT checkpoint chunk 0 at ${T}, 0 bytes`],
  },
  {
    name: 'a string table of 2^40 entries',
    bytes: () => chunk([event(0, [0, 0, 1, ...varint(2 ** 40)]), event(100, [1])]),
    code: 'JFR_BAD_METADATA',
    offset: HEADER + 5,
    salvaged: [],
    losses: [
      `JFR_BAD_METADATA metadata chunk 0 at ${HEADER}, 0 bytes`,
      `JFR_NO_METADATA events chunk 0 at ${HEADER + 11}, 3 bytes`,
    ],
  },
  {
    name: 'a class that contains itself',
    bytes: () =>
      chunk([
        metadata([...PRIMITIVES, eventClass('test.Loop', 300, [field('again', '300')])]),
        event(300, [1, 2, 3]),
      ]),
    code: 'JFR_BAD_METADATA',
    offset: HEADER,
    salvaged: [],
    losses: [`JFR_BAD_METADATA metadata chunk 0 at ${HEADER}, 0 bytes`],
  },
  {
    name: 'an unfinished chunk with events after its last flush',
    bytes: () => {
      const flushed = chunk([TYPES, number(1)], { state: 7 });
      return Uint8Array.from([...flushed, ...number(2), 4, 100]);
    },
    code: 'JFR_UNFINISHED_CHUNK',
    offset: 0,
    salvaged: [ONE, TWO],
    losses: [
      'JFR_UNFINISHED_CHUNK chunk chunk 0 at 0, 0 bytes',
      `JFR_BAD_EVENT_SIZE events chunk 0 at ${T + 2 * N}, 2 bytes`,
    ],
  },
  {
    name: 'rubbish between chunks',
    bytes: () =>
      Uint8Array.from([...chunk([TYPES, number(1)]), 1, 2, 3, ...chunk([TYPES, number(2)])]),
    code: 'JFR_NOT_A_RECORDING',
    offset: T + N,
    salvaged: [ONE, TWO],
    losses: [`JFR_NOT_A_RECORDING chunk chunk 1 at ${T + N}, 3 bytes`],
  },
  {
    name: 'a chunk that claims the next one: both are read',
    bytes: () =>
      Uint8Array.from([
        ...chunk([TYPES, number(1)], { size: 1_000_000 }),
        ...chunk([TYPES, number(2)], { startNanos: 5n }),
      ]),
    code: 'JFR_TRUNCATED',
    offset: 0,
    salvaged: [ONE, TWO],
    losses: [`JFR_TRUNCATED chunk chunk 0 at 0, ${1_000_000 - T - N} bytes`],
  },
  {
    name: 'a chunk without metadata: the types of the one before',
    bytes: () => Uint8Array.from([...chunk(three()), ...chunk([number(1)], { startNanos: 5n })]),
    code: 'JFR_NO_METADATA',
    offset: T + 3 * N + 24,
    salvaged: [ONE, TWO, THREE, ONE],
    losses: [`JFR_NO_METADATA metadata chunk 1 at ${T + 3 * N}, 0 bytes`],
  },
  {
    name: 'no recording at all',
    bytes: () => Uint8Array.from({ length: 100 }, (_, index) => index),
    code: 'JFR_NOT_A_RECORDING',
    offset: 0,
    salvaged: [],
    losses: ['JFR_NOT_A_RECORDING chunk chunk 0 at 0, 100 bytes'],
  },
  {
    name: 'nothing',
    bytes: () => new Uint8Array(0),
    code: 'JFR_TRUNCATED',
    offset: 0,
    salvaged: [],
    losses: ['JFR_TRUNCATED chunk chunk 0 at 0, 0 bytes'],
  },
];

for (const { name, bytes, code, offset, salvaged, losses } of cases) {
  test(name, async () => {
    const strict = await read(bytes());
    expect(strict.error).toMatchObject({ code, offset });
    const rescue = await read(bytes(), { mode: 'salvage' });
    expect(rescue.error).toBeUndefined();
    expect(rescue.events).toEqual(salvaged);
    expect(rescue.losses).toEqual(losses);
  });
}

const [real] = oddRecordings();

test('a real recording cut anywhere gives the events before the cut', async (context) => {
  if (real === undefined) return context.skip('no JDK of 17 or newer on this machine');
  const whole = readFileSync(real.path);
  const offsets: number[] = [];
  const recording = await openRecording(whole);
  for await (const one of recording.chunks()) {
    for (const item of one.events()) offsets.push(one.offset + item.offset);
  }
  const metadataEnds = recording.places[0]!.header.metadataPosition + 200_000;
  for (let cut = whole.length - 1; cut > metadataEnds; cut -= Math.floor(whole.length / 23)) {
    const rescue = await openRecording(whole.subarray(0, cut), { mode: 'salvage' });
    const found: number[] = [];
    for await (const one of rescue.chunks()) {
      for (const item of one.events()) found.push(one.offset + item.offset);
    }
    // the last event before the cut may reach across it; those of a type that only the lost metadata
    // declares are lost with it
    const undeclared = rescue.losses
      .filter(({ code, what }) => code === 'JFR_NO_METADATA' && what === 'events')
      .map(({ reason }) => Number.parseInt(reason, 10));
    const lost = undeclared.reduce((sum, count) => sum + count, 0);
    const expected = offsets.filter((offset) => offset < cut);
    expect(expected.length - found.length - lost).toBeLessThanOrEqual(1);
    const known = new Set(found);
    expect(expected.filter((offset) => known.has(offset))).toEqual(found);
    expect(rescue.losses[0]).toMatchObject({ code: 'JFR_TRUNCATED', what: 'chunk' });
  }
});
