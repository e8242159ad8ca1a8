// SPDX-License-Identifier: Apache-2.0
// One scalar of an event as `jfr print` shows it to people: with its unit where the field declares one.
import type { Op } from '../plan.ts';
import type { Field, TypeModel } from '../type-model.ts';
import { type Long, type Span, spanNanos, spanToString } from './chunk-clock.ts';
import { doubleToString, floatToString, formatFixed } from './java-number.ts';
import type { Render } from './printable-chunk.ts';
import {
  BITS,
  BITS_PER_SECOND,
  BYTES,
  BYTES_PER_SECOND,
  formatAmount,
  formatDuration,
} from './quantity.ts';
import { integerReader, type ScalarContext, stringReader } from './scalar.ts';

export interface TextContext extends ScalarContext {
  /** Full precision instead of rounded units (`--exact`). */
  readonly exact: boolean;
  readonly types: TypeModel;
}

const NOT_AVAILABLE = 'N/A';
const LONG_MIN = -(2n ** 63n);
const INT_MIN = -(2 ** 31);

const has = (field: Field | undefined, name: string): boolean =>
  field?.annotations.some(({ typeName }) => typeName === `jdk.jfr.${name}`) ?? false;

/**
 * Whether the JDK shows a field by its annotations: one of them must be of a class that the recording
 * marks as a content type. (async-profiler marks none: its times and shares are shown as they are.)
 */
function hasContentType({ annotations }: Field, types: TypeModel): boolean {
  return annotations.some(({ typeId }) =>
    types.byId(typeId)?.annotations.some(({ typeName }) => typeName === 'jdk.jfr.ContentType'),
  );
}

/** Makes the reader of a scalar; its text is `N/A` for what stands for no value. */
export function formatScalar(op: Op, field: Field | undefined, context: TextContext): Render {
  const { clock, exact, types } = context;
  const plain = field !== undefined && !hasContentType(field, types);
  // what the annotations say of the value still counts, only not how it is shown
  const shown = plain ? undefined : field;
  switch (op.kind) {
    case 'boolean':
      return (cursor) => (cursor.u8() !== 0 ? 'true' : 'false');
    case 'string': {
      const read = stringReader(context);
      return (cursor) => {
        const text = read(cursor);
        return text === null ? null : `"${text}"`;
      };
    }
    case 'float':
      return floating(shown, exact, (cursor) => cursor.f32be(), floatToString);
    case 'double':
      return floating(shown, exact, (cursor) => cursor.f64be(), doubleToString);
    case 'char':
      if (!field?.timespan && !field?.timestamp) {
        return (cursor) => String.fromCharCode(cursor.int() & 0xffff);
      }
      break;
    default:
  }
  const read = integerReader(op, field?.unsigned === true);
  const { timespan, timestamp } = field ?? {};
  if (timespan) {
    const text = (span: Span): string => (plain ? spanToString(span) : formatSpan(span, exact));
    return (cursor) => text(clock.span(read(cursor), timespan));
  }
  if (timestamp && plain) {
    return timestamp === 'TICKS'
      ? (cursor) => clock.isoOfTicks(read(cursor))
      : (cursor) => clock.isoOfMillis(read(cursor));
  }
  if (timestamp) return (cursor) => clock.clockOf(read(cursor), timestamp, exact ? 9 : 3);
  const format = integerFormat(shown, exact);
  const least = op.kind === 'int' ? INT_MIN : op.kind === 'long' ? LONG_MIN : undefined;
  return (cursor) => {
    const value = read(cursor);
    return value === least ? NOT_AVAILABLE : format(value);
  };
}

function formatSpan(span: Span, exact: boolean): string {
  if (span === 'none') return NOT_AVAILABLE;
  if (span === 'forever') return 'Forever';
  if (!exact) return formatDuration(spanNanos(span));
  return `${formatFixed(Number(span) / 1_000_000_000, 9)} s`;
}

type NumberFormat<T> = (value: T) => string;

/** The unit of a number, by its annotations in the order in which the JDK asks for them. */
function integerFormat(field: Field | undefined, exact: boolean): NumberFormat<Long> {
  if (has(field, 'Percentage')) return (value) => percentage(Number(value), exact);
  const amount = dataAmount(field, exact);
  if (amount) return (value) => amount(BigInt.asIntN(64, BigInt(value)));
  if (has(field, 'MemoryAddress')) return address;
  if (has(field, 'Frequency')) return (value) => `${value} Hz`;
  return String;
}

function floating(
  field: Field | undefined,
  exact: boolean,
  read: (cursor: Parameters<Render>[0]) => number,
  toText: NumberFormat<number>,
): Render {
  const format = floatingFormat(field, exact, toText);
  return (cursor) => {
    const value = read(cursor);
    const isNone = Number.isNaN(value) || value === Number.NEGATIVE_INFINITY;
    return isNone ? NOT_AVAILABLE : format(value);
  };
}

function floatingFormat(
  field: Field | undefined,
  exact: boolean,
  toText: NumberFormat<number>,
): NumberFormat<number> {
  if (has(field, 'Percentage')) return (value) => percentage(value, exact);
  const amount = dataAmount(field, exact);
  if (amount) return (value) => amount(truncate(value));
  if (has(field, 'MemoryAddress')) return (value) => address(truncate(value));
  if (has(field, 'Frequency')) return (value) => `${toText(value)} Hz`;
  return toText;
}

/** Java's narrowing of a floating value to a long, which stops at the ends of the range. */
function truncate(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n;
  if (value <= -(2 ** 63)) return LONG_MIN;
  return BigInt(Math.trunc(value));
}

function percentage(value: number, exact: boolean): string {
  return `${formatFixed(100 * value, exact ? 9 : 2)}%`;
}

/** `0x%08X`. */
function address(value: Long): string {
  const bits = BigInt.asUintN(64, BigInt(value));
  return `0x${bits.toString(16).toUpperCase().padStart(8, '0')}`;
}

function dataAmount(field: Field | undefined, exact: boolean): NumberFormat<bigint> | undefined {
  const unit = field?.dataAmount;
  if (unit !== 'BYTES' && unit !== 'BITS') return undefined;
  const rate = has(field, 'Frequency');
  if (exact) {
    const name = unit === 'BYTES' ? 'byte' : 'bit';
    return (value) => `${value} ${name}${value > 1n ? 's' : ''}${rate ? '/s' : ''}`;
  }
  const units =
    unit === 'BYTES' ? (rate ? BYTES_PER_SECOND : BYTES) : rate ? BITS_PER_SECOND : BITS;
  return (value) => formatAmount(value, units);
}
