// SPDX-License-Identifier: Apache-2.0
// How the bytes of a class are laid out, derived from the metadata. The interpreter and the compiler
// both work from this plan, so they can only disagree about how, never about what.
import { JfrError } from './error.ts';
import type { ClassType, Field, TypeModel } from './type-model.ts';

export type Op =
  /** One raw byte. */
  | { readonly kind: 'boolean' | 'byte' }
  /** A varint. */
  | { readonly kind: 'short' | 'char' | 'int' | 'long' }
  /** IEEE 754, big-endian. */
  | { readonly kind: 'float' | 'double' }
  | { readonly kind: 'string' }
  /** A varint key into the pool of a class. */
  | { readonly kind: 'reference'; readonly type: ClassType }
  /** The fields of a class, one after the other. */
  | { readonly kind: 'struct'; readonly type: ClassType }
  /** A varint count, then that many values. */
  | { readonly kind: 'array'; readonly element: Op };

const PRIMITIVES: ReadonlyMap<string, Op> = new Map<string, Op>([
  ['boolean', { kind: 'boolean' }],
  ['byte', { kind: 'byte' }],
  ['short', { kind: 'short' }],
  ['char', { kind: 'char' }],
  ['int', { kind: 'int' }],
  ['long', { kind: 'long' }],
  ['float', { kind: 'float' }],
  ['double', { kind: 'double' }],
  ['java.lang.String', { kind: 'string' }],
]);

/** Inline structs nest this deep at most; HotSpot's go one deep. */
const MAX_NESTING = 16;
/** Scalars in one event at most, inline structs unfolded; HotSpot's largest event has about 60. */
const MAX_PARTS = 4096;

/** One scalar of an event, inline structs unfolded: `heapSpace.committedSize`. */
export interface Leaf {
  readonly path: string;
  readonly field: Field;
  readonly op: Op;
}

/** How the values of one class lie in the bytes. */
export interface Layout {
  /** One per field, in order. */
  readonly ops: readonly Op[];
  /** The scalars in the order of their bytes. */
  readonly leaves: readonly Leaf[];
}

/** The operation that reads a value of a class where it stands (a pool entry, an inline field). */
export function valueOp(type: ClassType): Op {
  return PRIMITIVES.get(type.name) ?? { kind: 'struct', type };
}

/** The layouts of a chunk's classes, derived once each. */
export class Layouts {
  readonly types: TypeModel;
  readonly #known: Map<ClassType, Layout> = new Map();

  constructor(types: TypeModel) {
    this.types = types;
  }

  /**
   * The layout of a class. Throws JFR_BAD_METADATA when a field's class is not declared, when the class
   * contains itself, or has more parts than any sane writer declares.
   */
  of(type: ClassType): Layout {
    let layout = this.#known.get(type);
    if (layout === undefined) {
      const leaves: Leaf[] = [];
      this.#unfold(type, '', 0, { left: MAX_PARTS }, leaves);
      layout = { ops: type.fields.map((field) => this.#fieldOp(field)), leaves };
      this.#known.set(type, layout);
    }
    return layout;
  }

  #fieldOp(field: Field): Op {
    const type = this.types.byId(field.typeId);
    if (type === undefined) {
      throw new JfrError(
        'JFR_BAD_METADATA',
        `field ${field.name} is of class ${field.typeId}, which the chunk does not declare`,
      );
    }
    const element: Op = field.pooled ? { kind: 'reference', type } : valueOp(type);
    if (!field.array) return element;
    if (element.kind === 'struct' && element.type.fields.length === 0) {
      throw new JfrError('JFR_BAD_METADATA', `field ${field.name} is an array of nothing`);
    }
    return { kind: 'array', element };
  }

  #unfold(
    type: ClassType,
    prefix: string,
    depth: number,
    budget: { left: number },
    leaves: Leaf[],
  ): void {
    if (depth > MAX_NESTING) {
      throw new JfrError('JFR_BAD_METADATA', `class ${type.name} contains itself`);
    }
    for (const field of type.fields) {
      if (--budget.left < 0) {
        throw new JfrError('JFR_BAD_METADATA', `a class of more than ${MAX_PARTS} parts`);
      }
      const op = this.#fieldOp(field);
      const path = prefix + field.name;
      if (op.kind === 'struct') this.#unfold(op.type, `${path}.`, depth + 1, budget, leaves);
      else leaves.push({ path, field, op });
    }
  }
}
