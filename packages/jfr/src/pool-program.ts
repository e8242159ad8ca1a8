// SPDX-License-Identifier: Apache-2.0
// What a constant of a class consists of, in the instructions of scan.wat.
import type { Layouts, Op } from './plan.ts';

const BYTES = 1;
const VARINTS = 2;
const STRING = 3;
const ARRAY = 4;

/** How many a part of an instruction can be, and how many instructions there can be. */
const MOST = 64;
const LONGEST = 500;

/** The instructions, two bytes each and a zero; undefined where it takes others than there are. */
export function poolProgram(op: Op, layouts: Layouts): Uint8Array | undefined {
  const parts: { what: number; count: number }[] = [];
  for (const { kind, element } of partsOf(op, layouts)) {
    const what = INSTRUCTIONS[kind];
    const elements = what === ARRAY ? varintsOf(element, layouts) : undefined;
    if (what === undefined || (what === ARRAY && elements === undefined)) return undefined;
    const count = elements ?? WIDTHS[kind] ?? 1;
    const last = parts.at(-1);
    const joins = (what === BYTES || what === VARINTS) && last?.what === what;
    if (joins && last.count + count <= MOST) last.count += count;
    else parts.push({ what, count });
  }
  if (parts.length > LONGEST) return undefined;
  return Uint8Array.from([...parts.flatMap(({ what, count }) => [what, count]), 0]);
}

const INSTRUCTIONS: Partial<Record<Op['kind'], number>> = {
  boolean: BYTES,
  byte: BYTES,
  float: BYTES,
  double: BYTES,
  short: VARINTS,
  char: VARINTS,
  int: VARINTS,
  long: VARINTS,
  reference: VARINTS,
  string: STRING,
  array: ARRAY,
};

const WIDTHS: Partial<Record<Op['kind'], number>> = { float: 4, double: 8 };

interface Part {
  readonly kind: Op['kind'];
  readonly element?: Op;
}

function partsOf(op: Op, layouts: Layouts): Part[] {
  return op.kind === 'struct' ? layouts.of(op.type).leaves.map((leaf) => leaf.op) : [op];
}

/** How many varints an element is; undefined where it is not only these. */
function varintsOf(element: Op | undefined, layouts: Layouts): number | undefined {
  if (element === undefined) return undefined;
  const parts = partsOf(element, layouts);
  const only = parts.every(({ kind }) => INSTRUCTIONS[kind] === VARINTS);
  return only && parts.length > 0 && parts.length <= MOST ? parts.length : undefined;
}
