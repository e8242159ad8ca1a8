// SPDX-License-Identifier: Apache-2.0
// An event in the words of fixtures/jfr/ReadAll.java.
import type { Chunk } from '../chunk.ts';
import type { JfrEvent } from '../event.ts';
import type { Field } from '../type-model.ts';
import { classOf, isStruct, type Value } from '../value.ts';

const DEPTH = 6;

/**
 * `clock` is the chunk whose clock the JDK uses for the event, which is not its own: jdk.jfr.consumer
 * (JDK 25) converts the ticks of all chunks of one process by the first chunk's start, so times come
 * out some nanoseconds apart from what the event's own chunk says.
 */
export function oracleLine(event: JfrEvent, clock: Chunk): string {
  const { startTime, duration } = event.fields;
  const start =
    startTime === undefined ? clock.header.startNanos : clock.epochNanos(startTime as number);
  const end = start + (duration === undefined ? 0n : clock.spanNanos(duration as number));
  return `${event.name} ${start} ${end} ${write(event.fields, undefined, 0)}`;
}

function write(value: Value, field: Field | undefined, depth: number): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    return `[${value.map((item: Value) => write(item, field, depth)).join(',')}]`;
  }
  if (isStruct(value)) {
    if (depth >= DEPTH) return '...';
    const parts = classOf(value).fields.map(
      (part) => `${part.name}=${write(value[part.name]!, part, depth + 1)}`,
    );
    return `{${parts.join(',')}}`;
  }
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return String(value);
  return number(value as number | bigint, field);
}

const bits = new DataView(new ArrayBuffer(8));

function number(value: number | bigint, field: Field | undefined): string {
  if (field?.typeName === 'float') {
    bits.setFloat32(0, Number(value));
    return `f${bits.getUint32(0).toString(16)}`;
  }
  if (field?.typeName === 'double') {
    bits.setFloat64(0, Number(value));
    return `d${bits.getBigUint64(0).toString(16)}`;
  }
  // Java's getValue gives the signed value whatever the annotation says
  const width = { byte: 8, short: 16, int: 32 }[field?.typeName ?? ''] ?? 64;
  return String(field?.unsigned ? BigInt.asIntN(width, BigInt(value)) : value);
}

function quote(text: string): string {
  let quoted = '"';
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const plain = unit >= 0x20 && unit < 127 && unit !== 0x22 && unit !== 0x5c;
    quoted += plain ? text[at] : `\\u${unit.toString(16).padStart(4, '0')}`;
  }
  return `${quoted}"`;
}
