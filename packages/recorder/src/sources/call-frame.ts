// SPDX-License-Identifier: Apache-2.0
// Functions as the inspector names them.
import { type Frame, ownerName } from '../frames.ts';
import { originalPosition } from '../source-maps.ts';

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** 0-based. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** V8's names for time that is not the program's. */
export const NOT_THE_PROGRAM: ReadonlySet<string> = new Set(['(idle)', '(root)', '(program)']);

/** Undefined for V8's roots, which are no functions. */
export function toFrame(call: CallFrame | undefined): Frame | undefined {
  if (call === undefined || NOT_THE_PROGRAM.has(call.functionName)) return undefined;
  const { functionName, url, lineNumber, columnNumber } = call;
  // (garbage collector)
  const synthetic = functionName.startsWith('(');
  const place = originalPosition(url, lineNumber + 1, columnNumber + 1);
  return {
    owner: url === '' ? (synthetic ? 'v8' : 'native') : ownerName(place.source),
    method: synthetic
      ? functionName.slice(1, -1).replaceAll(' ', '_')
      : place.name || functionName || 'anonymous',
    line: Math.max(0, place.line),
    native: url === '',
  };
}
