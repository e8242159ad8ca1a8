// SPDX-License-Identifier: Apache-2.0
// Random values of every type of field, written here and read by jdk.jfr.consumer, exact to the bit.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { KINDS } from '../testing/event-arbitrary.ts';
import { runJava } from '../testing/java.ts';
import { jdkOf } from '../testing/jdk.ts';
import type { EventValue } from './encoder.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';

const KINDS_READ = Object.keys(KINDS).filter((kind) => kind !== 'pool' && kind !== 'enumeration');
const EVENTS = 2_000;
const START_NANOS = 1_700_000_000_123_456_789n;

const Random: EventDeclaration = {
  name: 'test.Random',
  label: 'Random',
  category: ['Test'],
  duration: true,
  fields: KINDS_READ.map((kind) => ({ name: `${kind}Value`, type: KINDS[kind]![0], label: kind })),
};

const directory = mkdtempSync(join(tmpdir(), 'rekindle-values-'));
afterAll(() => rmSync(directory, { recursive: true }));

const times = fc.tuple(fc.nat(), fc.nat());
const rows = fc.sample(fc.tuple(times, fc.tuple(...KINDS_READ.map((kind) => KINDS[kind]![1]))), {
  numRuns: EVENTS,
});

/** What Dump.java prints of a value. */
function exact(kind: string, value: EventValue): string {
  if (value === null || value === undefined) return 'null';
  const view = new DataView(new ArrayBuffer(8));
  switch (kind) {
    case 'string': {
      const units = Array.from({ length: (value as string).length }, (_, at) =>
        (value as string).charCodeAt(at).toString(16).padStart(4, '0'),
      );
      return `s${units.join('')}`;
    }
    case 'float':
      view.setFloat32(0, value as number);
      return `f${view.getUint32(0).toString(16)}`;
    case 'double':
      view.setFloat64(0, value as number);
      return `d${view.getBigUint64(0).toString(16)}`;
    default:
      return String(value);
  }
}

describe('values read by jdk.jfr.consumer', () => {
  for (const version of [17, 25]) {
    it(`are those written (JDK ${version}, ${EVENTS} events of every type of field)`, (context) => {
      const jdk = jdkOf(version);
      if (jdk === undefined) return context.skip(`no JDK ${version} on this machine`);
      const sink = memorySink();
      // small chunks: there will be dozens
      const writer = new RecordingWriter(sink, {
        startNanos: START_NANOS,
        startTicks: 7,
        maxChunkBytes: 1,
      });
      const event = writer.event(Random);
      for (const [[start, duration], values] of rows) {
        writer.write(event, 7 + start, duration, ...values);
      }
      writer.finish();
      const path = join(directory, `values-${version}.jfr`);
      writeFileSync(path, sink.bytes());
      const lines = runJava(jdk, 'Dump', path, 'test.Random').trimEnd().split('\n');
      const wanted = rows.map(([[start, duration], values]) =>
        [
          String(START_NANOS + BigInt(start)),
          String(duration),
          ...values.map((value, index) => exact(KINDS_READ[index]!, value)),
        ].join('\t'),
      );
      expect(lines.sort()).toEqual(wanted.sort());
    });
  }
});
