// SPDX-License-Identifier: Apache-2.0
// A column of a view: where its values come from, what they mean, how they are shown.
import type { ChunkClock, Long } from '../print/chunk-clock.ts';
import type { ClassType, Field, TypeModel } from '../type-model.ts';
import { isStruct, type Struct, type Value } from '../value.ts';
import { type Cell, DurationCell, Fraction, follow, InstantCell } from './cell.ts';
import type { Aggregate, Order } from './query.ts';

/** An event as a view reads it. */
export interface ViewEvent {
  readonly type: ClassType;
  readonly fields: Struct;
  readonly clock: ChunkClock;
}

/** An event type in a view's from; two of one type differ by their conditions. */
export interface Source {
  readonly type: ClassType;
  readonly alias: string | undefined;
  readonly conditions: { readonly field: ViewField; readonly text: string }[];
}

export interface ViewField {
  readonly source: Source;
  readonly name: string;
  label: string;
  get: (event: ViewEvent) => Cell;
  /** This field, and those of the other sources that answer to the same name. */
  readonly sources: ViewField[];
  /** The class of the values, as Java names it. */
  dataType: string;
  index: number;
  visible: boolean;
  grouped: boolean;
  order: Order | undefined;
  aggregate: Aggregate | undefined;
  cellHeight: number;
  truncate: 'beginning' | 'end' | undefined;
  alignLeft: boolean;
  /** Shown as a share of the column's sum. */
  normalized: boolean;
  /** Sorted as text. */
  lexical: boolean;
  /** Wants no room beyond its own. */
  fixedWidth: boolean;
  percentage: boolean;
  frequency: boolean;
  memoryAddress: boolean;
  bytes: boolean;
  bits: boolean;
  fractional: boolean;
  integral: boolean;
  timespan: boolean;
  timestamp: boolean;
  missing: string;
  /** Digits of a duration below a second; -1: as many as are significant. */
  precision: number;
}

/** Types that have a text of their own and are not taken apart. */
export const KNOWN_TYPES: readonly string[] = [
  'java.lang.String',
  'java.lang.Thread',
  'java.lang.Class',
  'jdk.types.ThreadGroup',
  'jdk.types.ClassLoader',
  'jdk.types.Method',
  'jdk.types.StackFrame',
  'jdk.types.StackTrace',
];

const has = (field: Field, name: string): boolean =>
  field.annotations.some(({ typeName }) => typeName === `jdk.jfr.${name}`);

/** A simple type (Symbol, GCName) counts as the type of its one field. */
export function typeNameOf({ typeId, typeName = '' }: Field, types: TypeModel): string {
  const type = types.byId(typeId);
  return type?.simple && type.fields.length === 1 ? (type.fields[0]?.typeName ?? '') : typeName;
}

/** The field at a dotted path; undefined where there is none. */
export function findField(type: ClassType, path: string, types: TypeModel): Field | undefined {
  let at: ClassType | undefined = type;
  let found: Field | undefined;
  for (const name of path.split('.')) {
    found = at?.fields.find((field) => field.name === name);
    if (!found) return undefined;
    const inner = types.byId(found.typeId);
    at = inner?.simple ? undefined : inner;
  }
  return found;
}

function blank(source: Source, name: string): ViewField {
  return {
    source,
    name,
    label: name,
    get: () => null,
    sources: [],
    dataType: '',
    index: 0,
    visible: false,
    grouped: false,
    order: undefined,
    aggregate: undefined,
    cellHeight: 1,
    truncate: undefined,
    alignLeft: true,
    normalized: false,
    lexical: false,
    fixedWidth: false,
    percentage: false,
    frequency: false,
    memoryAddress: false,
    bytes: false,
    bits: false,
    fractional: false,
    integral: false,
    timespan: false,
    timestamp: false,
    missing: 'N/A',
    precision: -1,
  };
}

/** The field of a source by its name; undefined when the source has none of that name. */
export function buildField(source: Source, name: string, types: TypeModel): ViewField | undefined {
  const field = blank(source, name);
  if (name === 'id' && source.type.name === 'jdk.ActiveSetting') {
    const labels = new Map(types.events.map((type) => [type.id, type.label ?? type.name]));
    return textual(field, 'Event Type', ({ fields }) => labels.get(Number(fields.id)) ?? null);
  }
  if (name === 'eventType.label') {
    return textual(field, 'Event Type', ({ type }) => type.label ?? null);
  }
  if (name === 'eventType.name') return textual(field, 'Event Type', ({ type }) => type.name);
  const descriptor = frameField(field, types) ?? findField(source.type, name, types);
  if (!descriptor) return undefined;
  describe(field, descriptor, types);
  return field;
}

function textual(
  field: ViewField,
  label: string,
  get: (event: ViewEvent) => string | null,
): ViewField {
  return Object.assign(field, { label, get, dataType: 'java.lang.String', lexical: true });
}

const FRAMES: Readonly<Record<string, (frame: Struct) => boolean>> = {
  topFrame: () => true,
  topApplicationFrame: (frame) => {
    const loader = follow(frame, ['method', 'type', 'classLoader']);
    return isStruct(loader) && loader.name !== 'bootstrap';
  },
  topNotInitFrame: (frame) => follow(frame, ['method', 'name']) !== '<init>',
};

/** `stackTrace.topFrame`, and fields of that frame behind a further dot. */
function frameField(field: ViewField, types: TypeModel): Field | undefined {
  const [, which = '', rest] = /^stackTrace\.(\w+)(?:\.(.+))?$/.exec(field.name) ?? [];
  const accept = FRAMES[which];
  const frames = findField(field.source.type, 'stackTrace.frames', types);
  if (!accept || !frames) return undefined;
  const top = ({ fields }: ViewEvent): Struct | null => {
    const list = follow(fields.stackTrace ?? null, ['frames']);
    const all = (Array.isArray(list) ? list : []) as readonly Value[];
    return all.find((frame): frame is Struct => isStruct(frame) && accept(frame)) ?? null;
  };
  if (rest === undefined) {
    field.get = top;
    return frames;
  }
  const frameType = types.byId(frames.typeId);
  const inner = frameType && findField(frameType, rest, types);
  if (inner)
    field.get = (event) => cellOf(follow(top(event), rest.split('.')), inner, types, event);
  return inner;
}

/** Reads a path from any event: types that share a name need not agree on what it holds. */
function getterOf(name: string, types: TypeModel): ViewField['get'] {
  const path = name.split('.');
  const known = new Map<ClassType, Field | undefined>();
  return (event) => {
    if (!known.has(event.type)) known.set(event.type, findField(event.type, name, types));
    const descriptor = known.get(event.type);
    if (!descriptor) return null;
    return cellOf(follow(event.fields, path), descriptor, types, event);
  };
}

/** Fills in what the annotations and the type of a field say. */
function describe(field: ViewField, descriptor: Field, types: TypeModel): void {
  const typeName = typeNameOf(descriptor, types);
  if (!/^stackTrace\.top/.test(field.name)) field.get = getterOf(field.name, types);
  const hasDuration = field.source.type.fields.some(({ name }) => name === 'duration');
  field.dataType = typeName;
  field.label = labelOf(descriptor, hasDuration, types);
  field.fixedWidth = typeName !== 'java.lang.String';
  field.integral = ['int', 'long', 'short', 'byte'].includes(typeName);
  field.fractional = ['float', 'double'].includes(typeName);
  field.alignLeft = !(field.integral || field.fractional || typeName === 'boolean');
  field.timestamp = descriptor.timestamp !== undefined;
  field.timespan = descriptor.timespan !== undefined;
  if (field.timestamp) Object.assign(field, { alignLeft: true, dataType: 'java.time.Instant' });
  if (field.timespan) Object.assign(field, { alignLeft: false, dataType: 'java.time.Duration' });
  field.percentage = has(descriptor, 'Percentage');
  field.bits = descriptor.dataAmount === 'BITS';
  field.bytes = descriptor.dataAmount === 'BYTES';
  field.frequency = has(descriptor, 'Frequency');
  field.memoryAddress = has(descriptor, 'MemoryAddress');
  if (field.memoryAddress) field.alignLeft = true;
  if (KNOWN_TYPES.includes(typeName)) Object.assign(field, { lexical: true, fixedWidth: false });
}

/** The label of a field; a few names have one that is better. */
export function labelOf(field: Field, hasDuration: boolean, types: TypeModel): string {
  if (typeNameOf(field, types) === 'jdk.types.StackFrame') return 'Method';
  if (field.label === undefined) return field.name;
  if (field.name === 'gcId') return 'GC ID';
  if (field.name === 'compilerId') return 'Compiler ID';
  if (field.name === 'startTime' && !hasDuration) return 'Time';
  return field.label;
}

/** A decoded value as a cell, by the type and the annotations of its field. */
function cellOf(value: Value, field: Field, types: TypeModel, { clock }: ViewEvent): Cell {
  if (typeof value === 'number' && !Number.isInteger(value)) {
    return new Fraction(value, typeNameOf(field, types) === 'float');
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (field.timestamp) return instantOf(value, field.timestamp, clock);
    if (field.timespan) return new DurationCell(clock.span(value, field.timespan));
    const typeName = typeNameOf(field, types);
    if (typeName === 'float') return new Fraction(Number(value), true);
    if (typeName === 'double') return new Fraction(Number(value));
    return field.unsigned ? asSigned(value, typeName) : value;
  }
  return value as Cell;
}

function instantOf(value: Long, unit: string, clock: ChunkClock): InstantCell {
  if (BigInt(value) === -(2n ** 63n)) return new InstantCell(undefined);
  return new InstantCell(unit === 'TICKS' ? clock.epochNanos(value) : BigInt(value) * 1_000_000n);
}

const BITS: Readonly<Record<string, number>> = { byte: 8, short: 16, int: 32, long: 64 };

/** The JDK's views show unsigned numbers as the signed ones of the same bits. */
function asSigned(value: Long, typeName: string): Long {
  const width = BITS[typeName] ?? 64;
  if (typeof value === 'number' && value < 2 ** (width - 1)) return value;
  const signed = BigInt.asIntN(width, BigInt(value));
  return width === 64 ? signed : Number(signed);
}

const PREFIX: Readonly<Partial<Record<Aggregate, string>>> = {
  avg: 'Avg. ',
  max: 'Max. ',
  min: 'Min. ',
  sum: 'Total ',
  unique: 'Unique Count ',
  diff: 'Difference ',
  median: 'Median ',
  p90: 'P90 ',
  p95: 'P95 ',
  p99: 'P99 ',
  p999: 'P99.9 ',
  stdev: 'Std. Dev. ',
};

/** Makes a field the aggregate of itself. */
export function aggregateField(field: ViewField, aggregate: Aggregate | undefined): void {
  field.aggregate = aggregate;
  if (!aggregate) return;
  if (aggregate === 'count' || aggregate === 'unique') {
    Object.assign(field, {
      integral: true,
      timestamp: false,
      timespan: false,
      fractional: false,
      bytes: false,
      bits: false,
      frequency: false,
      memoryAddress: false,
      percentage: false,
      alignLeft: false,
      lexical: false,
    });
  }
  const isList = aggregate === 'list' || aggregate === 'set';
  if (isList) Object.assign(field, { alignLeft: true, lexical: true });
  if (aggregate === 'count') field.label = 'Count';
  else if (isList) field.label += 's';
  else field.label = (PREFIX[aggregate] ?? '') + field.label;
}
