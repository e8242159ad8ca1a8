// SPDX-License-Identifier: Apache-2.0
// The text of a cell.
import { spanNanos } from '../print/chunk-clock.ts';
import { decodeDescriptors } from '../print/descriptor.ts';
import { doubleToString, floatToString, formatFixed } from '../print/java-number.ts';
import {
  BITS,
  BITS_PER_SECOND,
  BYTES,
  BYTES_PER_SECOND,
  formatAmount,
  formatDuration,
} from '../print/quantity.ts';
import { className } from '../print/text-constants.ts';
import { classOf, isStruct, type Struct, type Value } from '../value.ts';
import {
  type Cell,
  DurationCell,
  Fraction,
  InstantCell,
  isInteger,
  longOf,
  nameOf,
  numberOf,
} from './cell.ts';
import type { ViewField } from './field.ts';

/** `compact` is for cells that are too narrow: classes without packages, methods without parameters. */
export function formatCell(field: ViewField, cell: Cell, compact = false): string {
  if (cell === null) return field.missing;
  if (Array.isArray(cell)) {
    return (cell as readonly Cell[]).map((item) => formatCell(field, item, compact)).join(', ');
  }
  if (typeof cell === 'string') return cell.replace(/[\n\r\t]/g, ' ');
  if (typeof cell === 'boolean') return String(cell);
  if (cell instanceof DurationCell) return formatSpan(field, cell);
  if (cell instanceof InstantCell) return formatTime(cell);
  if (cell instanceof Fraction || isInteger(cell)) return formatNumber(field, cell);
  return isStruct(cell as Value) ? formatStruct(cell as Struct, compact) : String(cell);
}

function formatSpan(field: ViewField, { span }: DurationCell): string {
  if (span === 'none') return field.missing;
  if (span === 'forever') return 'Indefinite';
  return formatDuration(spanNanos(span), field.precision);
}

/** `HH:mm:ss` in this machine's time zone. */
function formatTime({ epochNanos }: InstantCell): string {
  if (epochNanos === undefined) return 'N/A';
  const millis = epochNanos / 1_000_000n - (epochNanos % 1_000_000n < 0n ? 1n : 0n);
  const date = new Date(Number(millis));
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function formatNumber(field: ViewField, cell: Fraction | number | bigint): string {
  const value = numberOf(cell)!;
  if (cell instanceof Fraction) {
    if (Number.isNaN(value) || value === Number.NEGATIVE_INFINITY) return field.missing;
  } else if (BigInt(cell) === -(2n ** 63n) || cell === -(2 ** 31)) {
    return field.missing;
  }
  if (field.percentage) return `${formatFixed(value * 100, 2)}%`;
  if (field.bits || field.bytes) {
    const amount = cell instanceof Fraction ? longOf(value) : BigInt(cell);
    if (field.frequency)
      return formatAmount(amount, field.bytes ? BYTES_PER_SECOND : BITS_PER_SECOND);
    return formatAmount(amount, field.bytes ? BYTES : BITS);
  }
  if (field.memoryAddress) {
    const bits = BigInt.asUintN(64, cell instanceof Fraction ? longOf(value) : BigInt(cell));
    return `0x${bits.toString(16).toUpperCase().padStart(8, '0')}`;
  }
  if (field.frequency) {
    const text =
      cell instanceof Fraction
        ? (cell.single ? floatToString : doubleToString)(value)
        : String(cell);
    return `${text} Hz`;
  }
  return grouped(cell);
}

/** java.text.NumberFormat in an English locale: grouped, three decimals at most, half to even. */
const grouping = new Intl.NumberFormat('en-US', {
  maximumFractionDigits: 3,
  roundingMode: 'halfEven',
} as Intl.NumberFormatOptions);

function grouped(cell: Fraction | number | bigint): string {
  if (!(cell instanceof Fraction)) return grouping.format(cell);
  return Number.isFinite(cell.value) ? grouping.format(cell.value) : '∞';
}

function formatStruct(struct: Struct, compact: boolean): string {
  switch (classOf(struct).name) {
    case 'java.lang.Thread': {
      const id = struct.javaThreadId;
      const isJava = isInteger(id as Cell) && (id as number) > 0;
      return nameOf(isJava ? struct.javaName : struct.osName);
    }
    case 'jdk.types.ClassLoader':
      return isStruct(struct.type) ? formatStruct(struct.type, compact) : 'N/A';
    case 'jdk.types.StackTrace': {
      const frames = Array.isArray(struct.frames) ? (struct.frames as readonly Value[]) : [];
      return isStruct(frames[0]) ? formatStruct(frames[0], compact) : 'N/A';
    }
    case 'jdk.types.ThreadGroup':
      return nameOf(struct.name);
    case 'jdk.types.StackFrame':
      return isStruct(struct.method) ? formatStruct(struct.method, compact) : 'N/A';
    case 'jdk.types.Method':
      return formatMethod(struct, compact);
    case 'java.lang.Class': {
      const name = className(struct);
      const shown = name.startsWith('[') ? (decodeDescriptors(name, '')[0] ?? name) : name;
      return compact ? shown.slice(shown.lastIndexOf('.') + 1) : shown;
    }
    default:
      return JSON.stringify(struct);
  }
}

function formatMethod(method: Struct, compact: boolean): string {
  const descriptor = nameOf(method.descriptor ?? '').replaceAll('/', '.');
  const inner = descriptor.slice(1, Math.max(1, descriptor.lastIndexOf(')')));
  const parameters = decodeDescriptors(inner, '');
  const names = parameters.map((name) => name.slice(name.lastIndexOf('.') + 1)).join(', ');
  const shown = compact ? (parameters.length > 0 ? '...' : '') : names;
  return `${className(method.type ?? null)}.${nameOf(method.name)}(${shown})`;
}
