// SPDX-License-Identifier: Apache-2.0
// Decoders generated from the metadata: straight-line code for the fields of one event type, one loop
// over its events. Nothing chunk-specific is in the source, so equal types of many chunks share one
// function and the engine's optimised code for it.
//
// Reads are not checked one by one: a typed array gives undefined beyond its end, positions only grow,
// and each event ends with one comparison against its own size.
import { ByteCursor, ByteError, joinLong } from '@rekindle/bytes';
import { JfrError } from './error.ts';
import type { Layouts, Leaf, Op } from './plan.ts';
import type { Sink } from './sink.ts';
import { skipValue } from './skip.ts';
import { skipString, skipVarint } from './string-encoding.ts';

/** As {@link interpret}: fills the sinks, returns the rows that did not fit their event. */
type Compiled = (
  bytes: Uint8Array,
  view: DataView,
  offsets: ArrayLike<number>,
  sinks: readonly unknown[],
  help: typeof HELP,
  skip: (index: number, position: number, limit: number) => number,
  /** For elements: the first row of each group, and the end. */
  starts: ArrayLike<number>,
) => number[];

/** What generated code calls for rare cases. */
const HELP = { skipString, skipVarint, joinLong, sizeAt };

const cache: Map<string, Compiled> = new Map();
const CACHE_LIMIT = 2048;
let allowed: boolean | undefined;

/** Whether this environment allows code generation (a content security policy may not). */
export function canCompile(): boolean {
  if (allowed === undefined) {
    try {
      allowed = new Function('return true')() === true;
    } catch {
      allowed = false;
    }
  }
  return allowed;
}

/** Decodes like {@link interpret}, with code compiled for exactly these leaves and this selection. */
export function runCompiled(
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  layouts: Layouts,
  offsets: ArrayLike<number>,
  sinks: readonly (Sink | undefined)[],
): number[] {
  return run(generate(leaves, selection(sinks)), bytes, leaves, layouts, offsets, [], sinks);
}

/** As {@link interpretElements}. */
export function runCompiledElements(
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  layouts: Layouts,
  positions: ArrayLike<number>,
  starts: ArrayLike<number>,
  sinks: readonly (Sink | undefined)[],
): void {
  const source = generateElements(leaves, selection(sinks));
  const misfits = run(source, bytes, leaves, layouts, positions, starts, sinks);
  if (misfits.length === 0) return;
  throw new ByteError('BYTES_TRUNCATED', 'elements beyond the end', bytes.length);
}

function selection(sinks: readonly (Sink | undefined)[]): boolean[] {
  return sinks.map((sink) => sink !== undefined);
}

function run(
  source: string,
  bytes: Uint8Array,
  leaves: readonly Leaf[],
  layouts: Layouts,
  offsets: ArrayLike<number>,
  starts: ArrayLike<number>,
  sinks: readonly (Sink | undefined)[],
): number[] {
  let decode = cache.get(source);
  if (decode === undefined) {
    if (cache.size >= CACHE_LIMIT) cache.clear();
    decode = new Function(
      'b',
      'view',
      'offsets',
      's',
      'help',
      'skip',
      'starts',
      source,
    ) as Compiled;
    cache.set(source, decode);
  }
  const skip = (index: number, position: number, limit: number): number => {
    try {
      const cursor = new ByteCursor(bytes, position, limit);
      skipValue(leaves[index]!.op, layouts, cursor);
      return cursor.position;
    } catch (error) {
      if (error instanceof ByteError || error instanceof JfrError) return Number.NaN;
      throw error;
    }
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decode(bytes, view, offsets, sinks, HELP, skip, starts);
}

/** The body of a decoder. */
export function generate(leaves: readonly Leaf[], selected: readonly boolean[]): string {
  // what is behind the last is not looked at
  const { setup, body } = parts(leaves.slice(0, selected.lastIndexOf(true) + 1), selected);
  return `${PROLOGUE}
${setup.join('\n')}
const n = offsets.length;
for (let row = 0; row < n; row++) {
  const at = offsets[row];
  let p = at, q = 0, x = 0, y = 0, m = 0, h = 0, t = 0;
  ${low28('end', 'end = sizeAt(b, at); p = skipVarint(b, at);', 'let ')}
  end += at;
  if (b[p++] > 127) p = skipVarint(b, p - 1);
  ${body.join('\n  ')}
  if (!(p <= end)) misfits.push(row);
}
return misfits;`;
}

/** The body of a decoder of elements: each begins where the one before it ended. */
function generateElements(leaves: readonly Leaf[], selected: readonly boolean[]): string {
  const { setup, body } = parts(leaves, selected);
  return `${PROLOGUE}
${setup.join('\n')}
const n = offsets.length, end = b.length;
for (let group = 0; group < n; group++) {
  let p = offsets[group], q = 0, x = 0, y = 0, m = 0, h = 0, t = 0;
  const last = starts[group + 1];
  for (let row = starts[group]; row < last; row++) {
    ${body.join('\n    ')}
  }
  if (!(p <= end)) misfits.push(group);
}
return misfits;`;
}

const PROLOGUE = `'use strict';
const misfits = [];
const { skipString, skipVarint, joinLong, sizeAt } = help;`;

function parts(
  leaves: readonly Leaf[],
  selected: readonly boolean[],
): { setup: string[]; body: string[] } {
  const setup: string[] = [];
  const body: string[] = [];
  for (const [index, leaf] of leaves.entries()) {
    if (selected[index]) emit(leaf, index, setup, body);
    else body.push(skipCode(leaf.op, index));
  }
  return { setup, body };
}

/** Reads up to 28 bits of a varint into a variable; `more` handles what is longer. */
function low28(name: string, more: string, declare = ''): string {
  return `${declare}${name} = b[p++];
  if (${name} > 127) { ${name} &= 127; y = b[p++]; ${name} |= (y & 127) << 7;
  if (y > 127) { y = b[p++]; ${name} |= (y & 127) << 14;
  if (y > 127) { y = b[p++]; ${name} |= (y & 127) << 21;
  if (y > 127) { ${more} } } } }`;
}

/** The rest of a 64-bit varint: bits 28..55 into m, 56..63 into h. */
const HIGH = `y = b[p++]; m = y & 127;
  if (y > 127) { y = b[p++]; m |= (y & 127) << 7;
  if (y > 127) { y = b[p++]; m |= (y & 127) << 14;
  if (y > 127) { y = b[p++]; m |= (y & 127) << 21;
  if (y > 127) { h = b[p++]; } } } }`;

function emit(leaf: Leaf, index: number, setup: string[], body: string[]): void {
  const { op, field } = leaf;
  const values = `v${index}`;
  const sink = `s${index}`;
  setup.push(`const ${sink} = s[${index}];`);
  if (op.kind === 'string' || op.kind === 'reference') {
    setup.push(`const ${values} = ${sink}.indices;`);
  } else {
    setup.push(`const ${values} = ${sink}.values;`);
  }
  switch (op.kind) {
    case 'boolean':
      body.push(`${values}[row] = b[p++] === 0 ? 0 : 1;`);
      return;
    case 'byte':
      body.push(`${values}[row] = b[p++];`);
      return;
    case 'short':
    case 'char':
    case 'int':
      body.push(
        low28('x', 'y = b[p++]; x |= (y & 127) << 28; if (y > 127) p = skipVarint(b, p, 4);'),
        `${values}[row] = x;`,
      );
      return;
    case 'long':
      body.push(`m = 0; h = 0; ${low28('x', HIGH)}`);
      if (field.timestamp === 'TICKS') {
        setup.push(`const [${sink}x, ${sink}m, ${sink}h] = ${sink}.groups;`);
        body.push(
          `t = (m - ${sink}m) * 268435456 + (x - ${sink}x);`,
          `if (h === ${sink}h && t <= 9007199254740991 && t >= -9007199254740991) ${values}[row] = t;`,
          `else ${sink}.big(row, x, m, h);`,
        );
      } else {
        body.push(`if (h === 0 && m < 33554432) ${values}[row] = m * 268435456 + x;`);
        if (!field.unsigned) {
          body.push(`else if (h === 255 && m === 268435455) ${values}[row] = x - 268435456;`);
        }
        body.push(`else ${sink}.big(row, x, m, h);`);
      }
      return;
    case 'float':
      body.push(`if (p + 4 <= end) ${values}[row] = view.getFloat32(p); p += 4;`);
      return;
    case 'double':
      body.push(`if (p + 8 <= end) ${values}[row] = view.getFloat64(p); p += 8;`);
      return;
    case 'reference':
      setup.push(
        `const ${sink}p = ${sink}.pool, ${sink}d = ${sink}p.dense, ${sink}n = ${sink}d.length;`,
        `const ${sink}h = ${sink}p.hashed;`,
      );
      body.push(
        `m = 0; h = 0; ${low28('x', HIGH)}`,
        `if (m === 0 && h === 0 && ${sink}n > 0) ${values}[row] = x < ${sink}n ? ${sink}d[x] : -1;`,
        `else if (h === 0 && m < 33554432 && ${sink}h !== undefined) ${values}[row] = ${sink}h.get(m * 268435456 + x);`,
        `else ${values}[row] = ${sink}p.indexOf(joinLong(x, m, h));`,
      );
      return;
    case 'string':
      setup.push(`const ${sink}t = ${sink}.table;`);
      body.push(
        'q = skipString(b, p, end);',
        'if (!(q <= end)) { misfits.push(row); continue; }',
        `if (b[p] === 0) ${values}[row] = -1;`,
        `else if (b[p] === 2) { p++; m = 0; h = 0; ${low28('x', HIGH)} ${values}[row] = ${sink}t.pooled(joinLong(x, m, h)); }`,
        `else ${values}[row] = ${sink}t.inline(p, q);`,
        'p = q;',
      );
      return;
    case 'array':
    case 'struct':
      body.push(`${values}[row] = p; p = skip(${index}, p, end);`);
      return;
  }
}

function skipCode(op: Op, index: number): string {
  switch (op.kind) {
    case 'boolean':
    case 'byte':
      return 'p++;';
    case 'float':
      return 'p += 4;';
    case 'double':
      return 'p += 8;';
    case 'string':
      return 'p = b[p] < 2 ? p + 1 : skipString(b, p, end);';
    case 'array':
    case 'struct':
      return `p = skip(${index}, p, end);`;
    default:
      return 'if (b[p++] > 127) p = skipVarint(b, p - 1);';
  }
}

/** Size of the event at `offset`, however it is written. */
function sizeAt(bytes: Uint8Array, offset: number): number {
  return new ByteCursor(bytes, offset).varint();
}
