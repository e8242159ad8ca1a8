// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { openRecording } from './recording.ts';
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

const ticks = [tree('annotation', { class: '50', value: 'TICKS' })];
const spans = [tree('annotation', { class: '51', value: 'TICKS' })];
const FIELDS = [
  field('startTime', primitive('long'), {}, ticks),
  field('duration', primitive('long'), {}, spans),
  field('text', primitive('java.lang.String')),
  field('name', '200', { constantPool: 'true' }),
];
const types = (...more: ReturnType<typeof field>[]): Bytes =>
  metadata([
    eventClass('test.Timed', 100, [...FIELDS, ...more]),
    tree('class', { name: 'test.Name', id: '200', simpleType: 'true' }, [
      field('text', primitive('java.lang.String')),
    ]),
    tree('class', { name: 'jdk.jfr.Timestamp', id: '50' }),
    tree('class', { name: 'jdk.jfr.Timespan', id: '51' }),
    ...PRIMITIVES,
  ]);
const timed = (
  start: number | bigint,
  span: number | bigint,
  label: Bytes,
  rest: Bytes = [],
): Bytes => event(100, [...varint(start), ...varint(span), ...label, 1, ...rest]);
const names = (name: string): Bytes =>
  checkpoint(new Map([[200, [{ key: 1, value: text(name) }]]]));

test('chunks with clocks of their own: nanoseconds since the earliest start', async () => {
  const micros = chunk([types(), timed(1_003, 7, text('b')), names('micro')], {
    startNanos: 9_000_000n,
    durationNanos: 5n,
    startTicks: 1_000n,
    ticksPerSecond: 1_000_000n,
  });
  const nanos = chunk(
    [types(), timed(52, 8, text('b', 5)), timed(50, 0, text('a')), names('nano')],
    {
      startNanos: 2_000_000n,
      durationNanos: 1n,
      startTicks: 50n,
    },
  );
  const recording = await openRecording(Uint8Array.from([...micros, ...nanos]));
  expect(recording.startNanos).toBe(2_000_000n);
  expect(recording.durationNanos).toBe(7_000_005n);
  const columns = await recording.columns('test.Timed');
  expect([...columns.numbers('startTime')]).toEqual([7_003_000, 2, 0]);
  expect([...columns.numbers('duration')]).toEqual([7_000, 8, 0]);
  // one text in two encodings and two chunks is one
  expect([...(columns.get('text') as { indices: Int32Array }).indices]).toEqual([0, 0, 1]);
  expect([0, 1, 2].map((row) => columns.text('text', row))).toEqual(['b', 'b', 'a']);
  expect([0, 1, 2].map((row) => columns.text('name', row))).toEqual(['micro', 'nano', 'nano']);
  const [only] = [...(await recording.chunk(0)).events()];
  expect(only!.startNanos).toBe(9_003_000n);
  expect(only!.durationNanos).toBe(7_000n);
});

test('what no number holds stays a bigint, and the marks for never and for ever stay', async () => {
  const long = 2n ** 63n - 1n;
  const bytes = chunk(
    [types(), timed(2n ** 60n, long, [0]), timed(1_000n, -long - 1n, [1]), names('x')],
    { startNanos: 5n, startTicks: 1_000n },
  );
  const columns = await (await openRecording(bytes)).columns('test.Timed');
  expect(() => columns.numbers('startTime')).toThrow(/2\^53/);
  expect([...columns.bigints('startTime')]).toEqual([2n ** 60n - 1_000n, 0n]);
  expect([...columns.bigints('duration')]).toEqual([long, -long - 1n]);
  expect([columns.text('text', 0), columns.text('text', 1)]).toEqual([null, '']);
});

test('a field that not every chunk has is left out', async () => {
  const one = chunk([types(), timed(5_000, 1, [1]), names('x')]);
  const two = chunk(
    [types(field('more', primitive('int'))), timed(5_000, 1, [1], [7]), names('y')],
    { startNanos: 1n },
  );
  const columns = await (await openRecording(Uint8Array.from([...two, ...one]))).columns(
    'test.Timed',
  );
  expect(columns.length).toBe(2);
  expect(columns.all.map(({ name }) => name)).toEqual(['startTime', 'duration', 'text', 'name']);
});

test('asked for what is not there', async () => {
  const recording = await openRecording(chunk([types(), timed(5_000, 1, [1]), names('x')]));
  const none = await recording.columns('no.such.Event');
  expect([none.length, none.all.length]).toEqual([0, 0]);
  await expect(recording.columns('test.Timed', ['colour'])).rejects.toMatchObject({
    code: 'JFR_UNKNOWN_NAME',
    hint: expect.stringContaining('startTime'),
  });
});
