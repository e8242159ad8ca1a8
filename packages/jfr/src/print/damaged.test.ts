// SPDX-License-Identifier: Apache-2.0
// What the fuzzer (tools/fuzz/jfr.ts) found in those who read recordings to show them: each of these
// brought a printer, a view or an export to a stop.
import { describe, expect, it } from 'vitest';
import { chromeTrace } from '../export/trace.ts';
import { openRecording, type Recording } from '../recording.ts';
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
} from '../testing/assemble.ts';
import { formatView } from '../view/view.ts';
import { printEvents } from './print-events.ts';

const FORMATS = ['text', 'json', 'xml'] as const;

const salvaged = (bytes: Uint8Array): Promise<Recording> =>
  openRecording(bytes, { mode: 'salvage' });

/** What is printed, and what was told of as left out. */
async function print(
  recording: Recording,
  format: (typeof FORMATS)[number],
): Promise<{ printed: string; leftOut: string[] }> {
  const decoder = new TextDecoder();
  const leftOut: string[] = [];
  let printed = '';
  const onDamage = ({ reason }: { reason: string }): void => {
    leftOut.push(reason);
  };
  await printEvents(recording.chunks(), { format, onDamage }, (piece) => {
    printed += decoder.decode(piece);
  });
  return { printed, leftOut };
}

describe('a class with an array of itself', () => {
  const types = metadata([
    eventClass('test.Root', 100, [field('tree', '200')]),
    tree('class', { name: 'test.Tree', id: '200' }, [field('branches', '200', { dimension: '1' })]),
    ...PRIMITIVES,
  ]);
  it.each(FORMATS)('is printed as %s as deep as it goes', async (format) => {
    const bytes = chunk([types, event(100, [2, 1, 0, 0])]);
    const { printed, leftOut } = await print(await salvaged(bytes), format);
    expect(printed.match(/branches/g)).toHaveLength(4);
    expect(leftOut).toEqual([]);
  });

  it.each(FORMATS)('nested without end is left out of %s', async (format) => {
    const deep = new Array<number>(100_000).fill(1);
    const bytes = chunk([types, event(100, deep), event(100, [0])]);
    const { printed, leftOut } = await print(await salvaged(bytes), format);
    expect(leftOut).toEqual(['test.Root: arrays nested too deeply']);
    expect(printed.match(/branches/g)).toHaveLength(1);
  });
});

it.each(FORMATS)('constants that double with every level end as %s', async (format) => {
  const types = metadata([
    eventClass('test.Pair', 100, [field('pair', '200', { constantPool: 'true' })]),
    tree('class', { name: 'test.Pair', id: '200' }, [
      field('one', '200', { constantPool: 'true' }),
      field('other', '200', { constantPool: 'true' }),
    ]),
    ...PRIMITIVES,
  ]);
  const entries = Array.from({ length: 60 }, (_, at) => ({
    key: at + 1,
    value: [...varint(at), ...varint(at)],
  }));
  const bytes = chunk([types, checkpoint(new Map([[200, entries]])), event(100, varint(60))]);
  const { leftOut } = await print(await salvaged(bytes), format);
  expect(leftOut).toHaveLength(1);
  expect(leftOut[0]).toMatch(/more than \d+/);
});

it('a second of no ticks makes times of zero, as in Java', async () => {
  const types = metadata([
    tree('class', { name: 'jdk.jfr.Timespan', id: '40' }),
    eventClass('test.Timed', 100, [
      field('startTime', primitive('long')),
      field('duration', primitive('long'), {}, [
        tree('annotation', { class: '40', value: 'TICKS' }),
      ]),
    ]),
    ...PRIMITIVES,
  ]);
  const bytes = chunk([types, event(100, [...varint(5000), ...varint(7)])], {
    ticksPerSecond: 0n,
  });
  for (const format of FORMATS) {
    const { printed, leftOut } = await print(await salvaged(bytes), format);
    expect(leftOut).toEqual([]);
    expect(printed).toMatch(/duration/);
  }
});

const TEXTS = metadata([
  eventClass('test.Text', 100, [field('text', primitive('java.lang.String'))]),
  ...PRIMITIVES,
]);
const said = (value: string): Bytes => event(100, text(value));

it('a view leaves out an event that cannot be decoded, and it is a loss', async () => {
  const recording = await salvaged(chunk([TEXTS, said('whole'), event(100, [83]), said('too')]));
  const table = await formatView(recording.chunks(), 'test.Text');
  expect(table).toMatch(/too *\nwhole/);
  expect(recording.losses).toMatchObject([{ what: 'event', code: 'JFR_BAD_STRING' }]);
});

it('events whose chunks disagree about their start begin with the recording in a trace', async () => {
  const timed = (type: string): Bytes =>
    metadata([eventClass('test.Text', 100, [field('startTime', primitive(type))]), ...PRIMITIVES]);
  const bytes = Uint8Array.from([
    ...chunk([timed('long'), event(100, varint(5007))]),
    ...chunk([timed('java.lang.String'), event(100, text('noon'))], { startNanos: 9n }),
  ]);
  let trace = '';
  for await (const part of chromeTrace(await salvaged(bytes))) trace += part;
  expect(JSON.parse(trace).traceEvents).toMatchObject([{ ts: 0 }, { ts: 0 }, {}, {}]);
});
