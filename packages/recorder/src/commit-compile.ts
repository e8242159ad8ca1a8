// SPDX-License-Identifier: Apache-2.0
// `commit` is compiled for each event type: the test whether the type is enabled, the threshold, the
// constants, the encoder. In steady state it allocates nothing and calls nothing that could come back into
// the recorder.
import { executionAsyncId } from 'node:async_hooks';
import {
  type EncodeEvent,
  type EventDeclaration,
  type EventType,
  eventBound,
} from '@rekindle/jfr/writing';
import { ASYNC_CONTEXT, ENABLED, STACK_TRACE } from './arena.ts';
import { ASYNC_FIELD } from './async-context.ts';
import type { ThreadConstants } from './constants.ts';
import { captureFrames, type Frame } from './frames.ts';
import type { ThreadWriter } from './thread.ts';
import type { Throttles } from './throttle.ts';

/** What compiled code reads; replaced as a whole never, field by field once. */
export interface Bound {
  id: number;
  flags: Int32Array;
  thresholds: Float64Array;
  type: EventType | undefined;
  encode: EncodeEvent;
  writer: ThreadWriter | undefined;
  constants: ThreadConstants | undefined;
  throttle: Throttles | undefined;
  stackDepth: number;
  /** Frames from this function inwards are the recorder's own. */
  below: ((...args: never[]) => unknown) | undefined;
  /** Async context of the present event, where it is not the one that commits. */
  context: number | undefined;
}

type Constant = 'string' | 'class' | 'stackTrace' | 'asyncContext' | undefined;

/** Fields as `commit` takes them, inline structs unfolded: which pool their values may go to. */
function constantFields(fields: EventDeclaration['fields']): Constant[] {
  return fields.flatMap(({ name, type }): Constant[] => {
    if (name === ASYNC_FIELD) return ['asyncContext'];
    if (typeof type === 'object')
      return 'struct' in type ? constantFields(type.fields) : [undefined];
    if (type === 'java.lang.String') return ['string'];
    if (type === 'java.lang.Class') return ['class'];
    return [type === 'jdk.types.StackTrace' ? 'stackTrace' : undefined];
  });
}

function isThrottled(declaration: EventDeclaration): boolean {
  return declaration.settings?.throttle !== undefined;
}

/** The key of a constant that is given as its value; anything else as it is. */
function toKey(constants: ThreadConstants, kind: Constant, value: unknown): unknown {
  if (typeof value === 'string') {
    if (kind === 'class') return constants.class(value);
    const pooled = kind === 'string' && value.length > 16 && value.length < 128;
    return pooled ? constants.string(value) : value;
  }
  return kind === 'stackTrace' && Array.isArray(value) ? constants.stackTrace(value) : value;
}

/** What the generated code may call. */
const RUNTIME = {
  eventBound,
  captureFrames,
  executionAsyncId,
  ENABLED,
  STACK_TRACE,
  ASYNC_CONTEXT,
};
type Build = (bound: Bound, ...runtime: unknown[]) => (...args: unknown[]) => boolean;

export function compileCommit(
  declaration: EventDeclaration,
  bound: Bound,
): (...args: unknown[]) => boolean {
  try {
    const build = new Function(
      'bound',
      ...Object.keys(RUNTIME),
      commitSource(declaration),
    ) as Build;
    return build(bound, ...Object.values(RUNTIME));
  } catch (error) {
    // --disallow-code-generation-from-strings
    if (error instanceof EvalError) return interpretCommit(declaration, bound);
    throw error;
  }
}

/** The body of a function that returns `commit`. */
function commitSource(declaration: EventDeclaration): string {
  const kinds = constantFields(declaration.fields);
  const names = kinds.map((_, index) => `v${index}`);
  const given = names.filter((_, index) => kinds[index] !== 'asyncContext');
  const parameters = ['start', ...(declaration.duration ? ['duration'] : []), ...given];
  const values = [
    'start',
    ...(declaration.duration ? ['duration'] : []),
    ...(declaration.thread ? ['writer.key'] : []),
    ...(declaration.stackTrace ? ['stack'] : []),
    ...names,
  ].join(', ');
  const throttled = isThrottled(declaration);
  const constants = names.flatMap((name, index) => keyStatement(name, kinds[index]));
  return `"use strict";
return function commit(${parameters.join(', ')}) {
  const wanted = bound.flags[bound.id];
  if ((wanted & ENABLED) === 0) return false;
  ${declaration.duration ? 'if (duration < bound.thresholds[bound.id]) return false;' : ''}
  ${throttled ? 'if (!bound.throttle.take(bound.id, start)) return false;' : ''}
  const writer = bound.writer;
  ${declaration.stackTrace ? 'const frames = (wanted & STACK_TRACE) === 0 ? undefined : captureFrames(bound.stackDepth, bound.below ?? commit);' : ''}
  let at = writer.begin();
  if (at < 0) return false;
  try {
    ${declaration.stackTrace ? 'const stack = frames === undefined ? 0 : bound.constants.stackTrace(frames);' : ''}
    ${constants.join('\n    ')}
    let end = bound.encode(writer.target, at, writer.limit, ${values});
    if (end < 0) {
      at = writer.makeRoom(eventBound(bound.type, [${values}]));
      if (at < 0) return false;
      end = bound.encode(writer.target, at, writer.limit, ${values});
    }
    writer.end(end);
    return true;
  } catch (error) {
    writer.abandon();
    throw error;
  }
};`;
}

function keyStatement(name: string, kind: Constant): string[] {
  switch (kind) {
    case 'string':
      return [
        `if (typeof ${name} === 'string' && ${name}.length > 16 && ${name}.length < 128) ${name} = bound.constants.string(${name});`,
      ];
    case 'class':
      return [`if (typeof ${name} === 'string') ${name} = bound.constants.class(${name});`];
    case 'stackTrace':
      return [
        `if (typeof ${name} === 'object' && ${name} !== null) ${name} = bound.constants.stackTrace(${name});`,
      ];
    case 'asyncContext':
      return [
        `const ${name} = (wanted & ASYNC_CONTEXT) === 0 ? 0 : (bound.context ?? executionAsyncId());`,
      ];
    case undefined:
      return [];
  }
}

/** The same without code generation. */
function interpretCommit(
  declaration: EventDeclaration,
  bound: Bound,
): (...args: unknown[]) => boolean {
  const kinds = constantFields(declaration.fields);
  const first = declaration.duration ? 2 : 1;
  return function commit(...args: unknown[]): boolean {
    const wanted = bound.flags[bound.id]!;
    const { writer, constants, type } = bound;
    if ((wanted & ENABLED) === 0 || !writer || !constants || !type) return false;
    if (declaration.duration && (args[1] as number) < bound.thresholds[bound.id]!) return false;
    const throttled = isThrottled(declaration);
    if (throttled && !bound.throttle?.take(bound.id, args[0] as number)) return false;
    let frames: readonly Frame[] | undefined;
    if (declaration.stackTrace && (wanted & STACK_TRACE) !== 0) {
      frames = captureFrames(bound.stackDepth, bound.below ?? commit);
    }
    let at = writer.begin();
    if (at < 0) return false;
    try {
      const values: unknown[] = args.slice(0, first);
      if (declaration.thread) values.push(writer.key);
      if (declaration.stackTrace) values.push(frames ? constants.stackTrace(frames) : 0);
      let next = first;
      for (const kind of kinds) {
        if (kind !== 'asyncContext') values.push(toKey(constants, kind, args[next++]));
        else
          values.push((wanted & ASYNC_CONTEXT) === 0 ? 0 : (bound.context ?? executionAsyncId()));
      }
      let end = bound.encode(writer.target, at, writer.limit, ...values);
      if (end < 0) {
        at = writer.makeRoom(eventBound(type, values as never));
        if (at < 0) return false;
        end = bound.encode(writer.target, at, writer.limit, ...values);
      }
      writer.end(end);
      return true;
    } catch (error) {
      writer.abandon();
      throw error;
    }
  };
}
