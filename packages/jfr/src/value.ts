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

/** A key into a pool, not yet looked up. */
class Reference {
  readonly type: ClassType;
  readonly key: number | bigint;

  constructor(type: ClassType, key: number | bigint) {
    this.type = type;
    this.key = key;
  }
}

const RAW = Symbol('raw');
const SHAPE = Symbol('shape');

interface Shaped {
  readonly [RAW]: unknown[];
  readonly [SHAPE]: Shape;
}

interface Shape {
  readonly type: ClassType;
  readonly ops: readonly Op[];
  readonly construct: new (raw: unknown[]) => object;
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
    return this.#finish(this.#read(valueOp(type), undefined, cursor));
  }

  /** A value of a field where it stands. */
  readField(field: Field, op: Op, cursor: ByteCursor): Value {
    this.#depth = 0;
    return this.#finish(this.#read(op, field, cursor));
  }

  /** The fields of a class as a struct, simple or not. */
  readStruct(type: ClassType, cursor: ByteCursor): Struct {
    const shape = this.#shapeOf(type);
    const { ops } = shape;
    const { fields } = type;
    const raw: unknown[] = [];
    for (let index = 0; index < ops.length; index++) {
      raw.push(this.#read(ops[index]!, fields[index], cursor));
    }
    return new shape.construct(raw) as unknown as Struct;
  }

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
        if (text === null || typeof text === 'string') return text;
        const pool = this.#pools.stringPool();
        return pool === undefined ? null : new Reference(pool.type, text);
      }
      case 'reference':
        return new Reference(op.type, cursor.long());
      case 'struct':
        if (op.type.simple && op.type.fields.length === 1) {
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

  #finish(raw: unknown): Value {
    if (raw instanceof Reference) return this.#pools.pool(raw.type).resolve(raw.key);
    if (Array.isArray(raw)) return raw.map((item) => this.#finish(item));
    return raw as Value;
  }

  #shapeOf(type: ClassType): Shape {
    const known = this.#shapes.get(type);
    if (known !== undefined) return known;
    const { ops } = this.#layouts.of(type);
    const construct = structClass();
    const { prototype } = construct;
    const shape: Shape = { type, ops, construct };
    Object.defineProperty(prototype, SHAPE, { value: shape });
    const finish = (raw: unknown): Value => this.#finish(raw);
    for (const [index, field] of type.fields.entries()) {
      Object.defineProperty(prototype, field.name, {
        enumerable: true,
        configurable: true,
        get(this: Shaped): Value {
          return finish(this[RAW][index]);
        },
      });
    }
    this.#shapes.set(type, shape);
    return shape;
  }
}

/** A class of its own for each shape, so that the engine knows its objects apart. */
function structClass(): new (raw: unknown[]) => object {
  const construct = function (this: { [RAW]: unknown[] }, raw: unknown[]): void {
    this[RAW] = raw;
  };
  construct.prototype = Object.create(STRUCT);
  return construct as unknown as new (
    raw: unknown[],
  ) => object;
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
  return typeof value === 'object' && value !== null && RAW in value;
}

/** The class of a struct. */
export function classOf(struct: Struct): ClassType {
  return (struct as unknown as Shaped)[SHAPE].type;
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
