// SPDX-License-Identifier: Apache-2.0
// What the fuzzer of the reader starts from: small recordings with everything in them. Those of the JDK
// are cut down (its metadata alone is 100 KB) to a few event types, their classes and the first bytes of
// their checkpoints and events, as the JDK wrote them.
import { readFileSync } from 'node:fs';
import {
  type Annotation,
  type Chunk,
  type ClassType,
  memorySink,
  openRecording,
  writeRecording,
} from '../../../packages/jfr/src/index.ts';
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
  type Tree,
  text,
  tree,
  varint,
} from '../../../packages/jfr/src/testing/assemble.ts';
import { oddRecordings } from '../../../packages/jfr/src/testing/corpus.ts';

export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export async function makeSeeds(): Promise<Seed[]> {
  const seeds: Seed[] = [
    { name: 'every kind of field', bytes: everyKind() },
    { name: 'two chunks', bytes: Uint8Array.from([...everyKind(), ...everyKind(9n)]) },
    { name: 'ours', bytes: ours() },
  ];
  for (const { name, path } of oddRecordings()) {
    const recording = await openRecording(readFileSync(path));
    for await (const one of recording.chunks()) {
      seeds.push({ name: `${name}, chunk ${one.index}, slim`, bytes: slim(one) });
    }
  }
  return seeds;
}

/** Every field kind, encoding, key form and event form that the assembler knows. */
function everyKind(startNanos = 1_700_000_000_000_000_000n): Uint8Array {
  const note = (id: string, value: string): Tree => tree('annotation', { class: id, value });
  const named = [
    tree('class', { name: 'jdk.jfr.Timestamp', id: '40' }),
    tree('class', { name: 'jdk.jfr.Unsigned', id: '41' }),
    tree('class', { name: 'test.Pair', id: '42' }, [
      field('first', primitive('int')),
      field('next', '42', { constantPool: 'true' }),
    ]),
    tree('class', { name: 'test.Kind', id: '43', simpleType: 'true' }, [
      field('name', primitive('java.lang.String')),
    ]),
    tree('class', { name: 'test.Tree', id: '44' }, [field('children', '44', { dimension: '1' })]),
    tree('class', { name: 'java.lang.Thread', id: '45' }, [
      field('javaName', primitive('java.lang.String')),
    ]),
  ];
  const type = eventClass('test.Every', 100, [
    field('startTime', primitive('long'), {}, [note('40', 'TICKS')]),
    field('duration', primitive('long')),
    field('eventThread', '45', { constantPool: 'true' }),
    ...PRIMITIVES.map(({ attributes }, at) =>
      field(`p${at}`, attributes.id!, {}, [note('41', '')]),
    ),
    field('pair', '42'),
    field('kind', '43', { constantPool: 'true' }),
    field('pairs', '42', { dimension: '1' }),
    field('texts', primitive('java.lang.String'), { dimension: '1' }),
    field('tree', '44'),
    field('inline', '43'),
  ]);
  const types = metadata([type, ...named, ...PRIMITIVES]);
  const one = (string: Bytes, long: number | bigint): Bytes =>
    event(100, [
      ...[...varint(5000), ...varint(7), 1],
      ...[1, 255, ...varint(65), ...varint(300), ...varint(-1), ...varint(long)],
      ...[0x7f, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, ...string],
      ...[5, 1, 1, 2, ...varint(9), 0, ...varint(9), 1, 2, ...text('a', 3), 0, 2, 0, 1, 0],
      ...text('inline', 4),
    ]);
  const pools = checkpoint(
    new Map([
      [9, [{ key: 1, value: text('pooled', 5) }]],
      [42, [{ key: 1, value: [...varint(-5), 1] }]],
      [
        43,
        [
          { key: 0, value: text('zero') },
          { key: 1, value: [2, 1] },
          { key: -1, value: [0] },
        ],
      ],
      [45, [{ key: 1, value: text('main \u{1f600}', 4) }]],
    ]),
  );
  const events = [
    one([0], 0),
    one([1], -1),
    one([2, 1], 2n ** 60n),
    one(text('x'.repeat(200)), 1e15),
  ];
  return chunk([types, ...events, pools, one(text('é', 5), 2n ** 63n - 1n), event(999, [1])], {
    startNanos,
  });
}

/** A recording of our own writer. */
function ours(): Uint8Array {
  const sink = memorySink();
  const declaration = {
    name: 'fuzz.Event',
    label: 'Event',
    category: ['Fuzz'],
    duration: true,
    fields: [
      { name: 'number', type: 'long', label: 'Number' },
      { name: 'text', type: 'java.lang.String', label: 'Text' },
      { name: 'kind', type: { enumeration: 'fuzz.Kind', values: ['a', 'b'] }, label: 'Kind' },
    ],
  } as const;
  const events = Array.from({ length: 20 }, (_, row) => ({
    event: declaration,
    values: {
      startTime: row,
      duration: 1,
      number: row ** 9,
      text: `text ${row % 3}`,
      kind: 'b' as const,
    },
  }));
  writeRecording(sink, { declarations: [declaration], events, startNanos: 5n });
  return sink.bytes();
}

const SLIM_EVENTS = 40;
const SLIM_BYTES = 12_000;

/** The part of a chunk of the JDK that shows all its ways in a few kilobytes. */
function slim(whole: Chunk): Uint8Array {
  const names = ['odd.Scalars', 'odd.Unsigned', 'odd.Deep', 'jdk.GCHeapSummary', 'jdk.ThreadStart'];
  const wanted = new Set(whole.eventTypes.filter(({ name }) => names.includes(name)));
  const kept = whole.types.classes.filter(
    (type) => wanted.has(type) || (!type.event && type.superType === undefined),
  );
  const used = new Set(
    kept.flatMap((type) => type.fields.flatMap((item) => annotations(item.annotations))),
  );
  for (const type of whole.types.classes) if (used.has(type.id)) kept.push(type);
  const parts: Bytes[] = [metadata(kept.map((type) => classTree(type)))];
  const take = (typeId: number, most: number): void => {
    let bytes = 0;
    for (const offset of (whole.eventIndex.get(typeId)?.offsets ?? []).slice(0, SLIM_EVENTS)) {
      const [length] = sizeOf(whole.bytes, offset);
      if (bytes + length > most) continue;
      bytes += length;
      parts.push([...whole.bytes.subarray(offset, offset + length)]);
    }
  };
  for (const { id } of wanted) take(id, SLIM_BYTES / 8);
  take(1, SLIM_BYTES);
  // the checkpoints keep their deltas, which lead astray: the chain begins anew
  return chunk(parts, {
    ...whole.header,
    constantPoolPosition: 0,
    ...sized(parts),
  });
}

function sized(parts: readonly Bytes[]): { size: number; metadataPosition: number } {
  return { size: 68 + parts.reduce((sum, { length }) => sum + length, 0), metadataPosition: 68 };
}

function sizeOf(bytes: Uint8Array, offset: number): [size: number] {
  let size = 0;
  for (let at = offset, scale = 1; ; at++, scale *= 128) {
    size += (bytes[at]! & 127) * scale;
    if (bytes[at]! < 128) return [size];
  }
}

function annotations(list: readonly Annotation[]): number[] {
  return list.map(({ typeId }) => typeId);
}

function classTree(type: ClassType): Tree {
  const fields = type.fields.map((item) =>
    field(
      item.name,
      String(item.typeId),
      {
        ...(item.pooled && { constantPool: 'true' }),
        ...(item.array && { dimension: '1' }),
      },
      item.annotations.map(annotationTree),
    ),
  );
  const attributes = {
    name: type.name,
    id: String(type.id),
    ...(type.superType !== undefined && { superType: type.superType }),
    ...(type.simple && { simpleType: 'true' }),
  };
  return tree('class', attributes, fields);
}

function annotationTree({ typeId, values }: Annotation): Tree {
  const value = values.get('value');
  return tree('annotation', {
    class: String(typeId),
    ...(typeof value === 'string' && { value }),
  });
}
