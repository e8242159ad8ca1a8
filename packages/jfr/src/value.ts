// SPDX-License-Identifier: Apache-2.0
// Values as objects: structs whose fields are getters, so that a reference is looked up when it is
// asked for and not before.
import type { ByteCursor } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import { type Layouts, type Op, valueOp } from './plan.ts';
import type { Pool } from './pool.ts';
import { MAX_ARRAY_NESTING } from './skip.ts';
import { readString } from './string-encoding.ts';
import type { ClassType, Field } from './type-model.ts';

/** A value of a field. Longs are numbers where that is exact (|n| < 2^53), bigints where it is not. */
export type Value = number | bigint | boolean | string | null | Struct | readonly Value[];

/** A struct: a getter per field of its class, in the words of the metadata. */
export interface Struct {
  readonly [field: string]: Value;
}

/** Where references lead. */
export interface Pools {
  pool(type: ClassType): Pool;
  /** The pool of java.lang.String, for strings of encoding 2; undefined when that class is not declared. */
  stringPool(): Pool | undefined;
}

/** The key of a pooled string, not yet looked up: elsewhere a string's text stands. */
class StringKey {
  readonly key: number | bigint;

  constructor(key: number | bigint) {
    this.key = key;
  }
}

const SHAPE = Symbol('shape');

/** Where a struct keeps what was read for its fields: keys of references, and values. */
const SLOTS: symbol[] = [];

function slot(index: number): symbol {
  while (SLOTS.length <= index) SLOTS.push(Symbol(`field ${SLOTS.length}`));
  return SLOTS[index]!;
}

type Slots = Record<symbol, unknown>;

interface Shape {
  readonly type: ClassType;
  readonly ops: readonly Op[];
  readonly slots: readonly symbol[];
  readonly construct: new () => Slots;
}

/** Reads values of the types of one chunk. */
export class ValueReader {
  readonly #layouts: Layouts;
  readonly #pools: Pools;
  readonly #shapes: Map<ClassType, Shape> = new Map();
  #depth = 0;

  constructor(layouts: Layouts, pools: Pools) {
    this.#layouts = layouts;
    this.#pools = pools;
  }

  /** A value of a class where it stands; simple types are unwrapped to their one field. */
  readClass(type: ClassType, cursor: ByteCursor): Value {
    this.#depth = 0;
    const op = valueOp(type);
    return this.#resolve(op, this.#read(op, undefined, cursor));
  }

  /** A value of a field where it stands. */
  readField(field: Field, op: Op, cursor: ByteCursor): Value {
    this.#depth = 0;
    return this.#resolve(op, this.#read(op, field, cursor));
  }

  /** The fields of a class as a struct, simple or not. */
  readStruct(type: ClassType, cursor: ByteCursor): Struct {
    const { ops, slots, construct } = this.#shapeOf(type);
    const { fields } = type;
    const struct = new construct();
    for (let index = 0; index < ops.length; index++) {
      struct[slots[index]!] = this.#read(ops[index]!, fields[index], cursor);
    }
    return struct as unknown as Struct;
  }

  /** Reads what a struct keeps: the key of a reference, an array of such, or the value itself. */
  #read(op: Op, field: Field | undefined, cursor: ByteCursor): unknown {
    const unsigned = field?.unsigned === true;
    switch (op.kind) {
      case 'boolean':
        return cursor.u8() !== 0;
      case 'byte':
        return unsigned ? cursor.u8() : cursor.i8();
      case 'short': {
        const value = cursor.int();
        return unsigned ? value & 0xffff : (value << 16) >> 16;
      }
      case 'char':
        return String.fromCharCode(cursor.int() & 0xffff);
      case 'int': {
        const value = cursor.int();
        return unsigned ? value >>> 0 : value;
      }
      case 'long': {
        const value = cursor.long();
        if (unsigned && value < 0) return BigInt.asUintN(64, BigInt(value));
        return typeof value === 'bigint' ? exactLong(value) : value;
      }
      case 'float':
        return cursor.f32be();
      case 'double':
        return cursor.f64be();
      case 'string': {
        const text = readString(cursor);
        return text === null || typeof text === 'string' ? text : new StringKey(text);
      }
      case 'reference':
        return cursor.long();
      case 'struct':
        if (isSimple(op.type)) {
          return this.#read(this.#shapeOf(op.type).ops[0]!, op.type.fields[0], cursor);
        }
        return this.readStruct(op.type, cursor);
      case 'array': {
        const count = cursor.varint();
        // an element takes a byte at least; those that take none are not worth a loop
        cursor.require(count);
        if (this.#depth >= MAX_ARRAY_NESTING) {
          throw new JfrError('JFR_BAD_METADATA', 'arrays nested too deeply');
        }
        this.#depth++;
        const values: unknown[] = [];
        for (let index = 0; index < count; index++) {
          values.push(this.#read(op.element, field, cursor));
        }
        this.#depth--;
        return values;
      }
    }
  }

  /** What was read, with its references followed. */
  #resolve(op: Op, raw: unknown): Value {
    switch (op.kind) {
      case 'reference':
        return this.#pools.pool(op.type).resolve(raw as number | bigint);
      case 'string': {
        if (!(raw instanceof StringKey)) return raw as string | null;
        return this.#pools.stringPool()?.resolve(raw.key) ?? null;
      }
      case 'struct':
        return isSimple(op.type)
          ? this.#resolve(this.#shapeOf(op.type).ops[0]!, raw)
          : (raw as Struct);
      case 'array':
        return (raw as unknown[]).map((item) => this.#resolve(op.element, item));
      default:
        return raw as Value;
    }
  }

  #shapeOf(type: ClassType): Shape {
    const known = this.#shapes.get(type);
    if (known !== undefined) return known;
    const { ops } = this.#layouts.of(type);
    const slots = ops.map((_, index) => slot(index));
    const construct = structClass();
    const { prototype } = construct;
    const shape: Shape = { type, ops, slots, construct };
    Object.defineProperty(prototype, SHAPE, { value: shape });
    for (const [index, { name }] of type.fields.entries()) {
      const op = ops[index]!;
      const at = slots[index]!;
      Object.defineProperty(prototype, name, {
        enumerable: true,
        configurable: true,
        get: this.#getter(op, at),
      });
    }
    this.#shapes.set(type, shape);
    return shape;
  }

  #getter(op: Op, at: symbol): (this: Slots) => Value {
    switch (op.kind) {
      case 'reference':
      case 'string':
      case 'struct':
      case 'array': {
        const resolve = (raw: unknown): Value => this.#resolve(op, raw);
        return function (this: Slots): Value {
          return resolve(this[at]);
        };
      }
      default:
        return function (this: Slots): Value {
          return this[at] as Value;
        };
    }
  }
}

/** Written as a struct of one field, meant as that field's value. */
function isSimple(type: ClassType): boolean {
  return type.simple && type.fields.length === 1;
}

/** A class of its own for each shape, so that the engine knows its objects apart. */
function structClass(): new () => Slots {
  const construct = function (this: Slots): void {};
  construct.prototype = Object.create(STRUCT);
  return construct as unknown as new () => Slots;
}

const STRUCT: object = Object.create(null, {
  toJSON: {
    value(this: Struct): unknown {
      return toObject(this, Number.POSITIVE_INFINITY);
    },
  },
});

/** A number where that is exact. */
export function exactLong(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function isStruct(value: Value | undefined): value is Struct {
  return typeof value === 'object' && value !== null && SHAPE in value;
}

/** The class of a struct. */
export function classOf(struct: Struct): ClassType {
  return (struct as unknown as { readonly [SHAPE]: Shape })[SHAPE].type;
}

/** The value at a dotted path (`thread.group.name`); null where the path leads through null. */
export function valueAt(value: Value, path: string): Value {
  let at: Value = value;
  for (const name of path.split('.')) {
    if (!isStruct(at)) return null;
    at = at[name] ?? null;
  }
  return at;
}

/**
 * A struct as plain data, references followed to `depth` structs deep and cut (null) where they come
 * back to a struct they started from. Bigints become decimal strings when `JSON.stringify` asks.
 */
export function toObject(value: Value, depth = 8, path: readonly Struct[] = []): unknown {
  if (Array.isArray(value)) return value.map((item: Value) => toObject(item, depth, path));
  if (typeof value === 'bigint' && depth === Number.POSITIVE_INFINITY) return String(value);
  if (!isStruct(value as Value)) return value;
  const struct = value as Struct;
  if (path.length >= depth || path.length >= 64 || path.includes(struct)) return null;
  const plain: Record<string, unknown> = {};
  for (const field of classOf(struct).fields) {
    plain[field.name] = toObject(struct[field.name]!, depth, [...path, struct]);
  }
  return plain;
}
