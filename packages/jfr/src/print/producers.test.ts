// SPDX-License-Identifier: Apache-2.0
// What other producers write otherwise than HotSpot of today, judged by JDK 25. (Their own recordings:
// `npm run extra -- producers`.)
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRecording } from '../recording.ts';
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
} from '../testing/assemble.ts';
import { newestJdk, runJfr } from '../testing/jdk.ts';
import { formatMetadata } from './metadata-text.ts';
import { printEvents } from './print-events.ts';
import { formatSummary } from './summary-text.ts';

const jdk = newestJdk(25);
const folder = mkdtempSync(join(tmpdir(), 'rekindle-producers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const note = (id: string, value: string): Tree => tree('annotation', { class: id, value });
const ANNOTATION = 'java.lang.annotation.Annotation';
const annotationClass = (name: string, id: string): Tree =>
  tree('class', { name, id, superType: ANNOTATION }, [
    field('value', primitive('java.lang.String')),
  ]);

/** Times, a share and a size, with or without the mark that the annotations are content types. */
function typesOf(marked: boolean, prefix = 'test'): Bytes {
  const names = ['Timestamp', 'Timespan', 'Percentage', 'DataAmount'];
  const annotations = names.map((name, at) => {
    const plain = annotationClass(`jdk.jfr.${name}`, String(40 + at));
    const mark = tree('annotation', { class: '50' });
    return marked ? { ...plain, children: [...plain.children, mark] } : plain;
  });
  const long = primitive('long');
  return metadata([
    ...PRIMITIVES,
    ...annotations,
    tree('class', { name: 'jdk.jfr.ContentType', id: '50', superType: ANNOTATION }),
    eventClass(`${prefix}.Sample`, 100, [
      field('startTime', long, {}, [note('40', 'TICKS')]),
      field('duration', long, {}, [note('41', 'TICKS')]),
      field('moment', long, {}, [note('40', 'MILLISECONDS_SINCE_EPOCH')]),
      field('pause', long, {}, [note('41', 'MILLISECONDS')]),
      field('share', primitive('float'), {}, [note('42', '')]),
      field('bytes', long, {}, [note('43', 'BYTES')]),
      field('text', primitive('java.lang.String')),
    ]),
  ]);
}

// the JDK looks for a checkpoint in every chunk
const pool = checkpoint(new Map([[9, [{ key: 1, value: text('pooled') }]]]));
const sample = (row: number): Bytes =>
  event(100, [
    ...[
      ...varint(5000 + row * 1_000_000),
      ...varint(row * 777),
      ...varint(1_700_000_000_000 + row),
    ],
    ...[...varint(row * 1500), 0x3e, 0x80, 0, row, ...varint(row * 5000), ...text(`row ${row}`)],
  ]);

const rows = [...[0, 1, 2, 3].map(sample), pool];
const RECORDINGS: Readonly<Record<string, Uint8Array>> = {
  'content types that are marked': chunk([typesOf(true), ...rows]),
  'content types that are not marked, as async-profiler writes them': chunk([
    typesOf(false),
    ...rows,
  ]),
  'events of types that nothing declares': chunk([
    typesOf(true),
    ...rows,
    event(4711, [1, 2, 3]),
    event(12, [1]),
    event(4711, [1]),
  ]),
  'chunks that declare different types': Uint8Array.from([
    ...chunk([typesOf(true), ...rows]),
    ...chunk(
      [
        metadata(
          [
            ...PRIMITIVES,
            eventClass('test.Later', 101, [
              field('startTime', primitive('long')),
              field('text', primitive('java.lang.String')),
            ]),
          ],
          2,
        ),
        event(101, [...varint(1_000_006_000), ...text('later')]),
        pool,
      ],
      { startNanos: 1_700_000_001_000_000_000n, startTicks: 1_000_005_000n },
    ),
  ]),
};

describe.each(Object.entries(RECORDINGS))('%s', (name, bytes) => {
  const path = join(folder, `${name.replaceAll(/\W/g, '-')}.jfr`);

  it('print, sum up and declare what JDK 25 says', async (context) => {
    if (jdk === undefined) return context.skip('no JDK 25 to judge it');
    writeFileSync(path, bytes);
    const recording = await openRecording(bytes);
    const print = async (options: Parameters<typeof printEvents>[1]): Promise<string> => {
      let printed = '';
      await printEvents(recording.chunks(), options, (piece) => {
        printed += new TextDecoder().decode(piece);
      });
      return printed;
    };
    const theirs = (...args: string[]): string => runJfr(jdk, ...args, path).stdout;
    expect(await print({ format: 'text' })).toBe(theirs('print'));
    expect(await print({ format: 'text', exact: true })).toBe(theirs('print', '--exact'));
    expect(await print({ format: 'json' })).toBe(theirs('print', '--json'));
    expect(await print({ format: 'xml' })).toBe(theirs('print', '--xml'));
    expect(formatSummary(await recording.summary())).toBe(theirs('summary'));
    const types = await Promise.all(recording.places.map(({ index }) => recording.types(index)));
    expect(formatMetadata(types)).toBe(theirs('metadata'));
  });
});
