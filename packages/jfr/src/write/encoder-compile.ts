// SPDX-License-Identifier: Apache-2.0
// Encoders compiled from the declaration: straight-line code, no allocation per event. The interpreter
// in encoder.ts is their judge, and their stand-in where a policy forbids code generation.
import { putInt, putLong, putVarint } from '@rekindle/bytes';
import type { EventDeclaration } from '../declaration.ts';
import {
  badValue,
  checkInt,
  checkKey,
  checkNumber,
  type EncodeEvent,
  enumerationKey,
  finishEvent,
  fixedBound,
  interpretEncoder,
  putDouble,
  putFloat,
} from './encoder.ts';
import type { EventArgument, EventType } from './registry.ts';
import { putString, stringBound } from './string-writer.ts';

/** What the generated code may call. */
const RUNTIME = {
  putInt,
  putLong,
  putFloat,
  putDouble,
  putString,
  stringBound,
  finishEvent,
  checkInt,
  checkKey,
  checkNumber,
  enumerationKey,
  badValue,
};

/** The fastest encoder this platform allows: compiled, or interpreted where `eval` is forbidden. */
export function compileEncoder<Declaration extends EventDeclaration>(
  type: EventType<Declaration>,
): EncodeEvent<Declaration> {
  let build: (...runtime: unknown[]) => EncodeEvent<Declaration>;
  try {
    build = new Function(...Object.keys(RUNTIME), 'type', encoderSource(type)) as typeof build;
  } catch (error) {
    // A content security policy without unsafe-eval, or --disallow-code-generation-from-strings.
    if (error instanceof EvalError) return interpretEncoder(type);
    throw error;
  }
  return build(...Object.values(RUNTIME), type);
}

/** The body of a function that, given the runtime and the type, returns the encoder. */
export function encoderSource(type: EventType): string {
  const names = type.arguments.map((_, index) => `v${index}`);
  const strings = names.filter((_, index) => type.arguments[index]!.kind === 'string');
  const bound = [String(fixedBound(type)), ...strings.map((name) => `stringBound(${name})`)];
  const id = new Uint8Array(9);
  const idLength = putVarint(id, 0, type.id);
  const lines = [
    `if (at + ${bound.join(' + ')} > limit) return -1;`,
    ...Array.from(id.subarray(0, idLength), (byte, index) => `bytes[at + ${index + 1}] = ${byte};`),
    `let p = at + ${idLength + 1};`,
    ...type.arguments.map((argument, index) => statement(argument, `v${index}`, index)),
    ...(strings.length === 0 && fixedBound(type) < 128
      ? ['bytes[at] = p - at;', 'return p;']
      : ['return finishEvent(bytes, at, p);']),
  ];
  const keys = type.arguments.map((argument, index) =>
    argument.kind === 'enumeration' ? `const argument${index} = type.arguments[${index}];` : '',
  );
  return [
    '"use strict";',
    `const event = ${JSON.stringify(type.name)};`,
    ...keys,
    `return (bytes, at, limit, ${names.join(', ')}) => {`,
    ...lines.map((line) => `  ${line}`),
    '};',
  ].join('\n');
}

function statement(argument: EventArgument, value: string, index: number): string {
  const name = JSON.stringify(argument.name);
  switch (argument.kind) {
    case 'boolean':
      return `bytes[p++] = ${value} ? 1 : 0;`;
    case 'byte':
      return `bytes[p++] = checkInt(${value}, -128, 255, event, ${name});`;
    case 'char':
      return smallInt(value, `checkInt(${value}, 0, 65535, event, ${name})`);
    case 'short':
      return smallInt(value, `checkInt(${value}, -32768, 65535, event, ${name})`);
    case 'int':
      return smallInt(value, `checkInt(${value}, -2147483648, 4294967295, event, ${name})`);
    case 'long':
      return `p = putLong(bytes, p, ${value});`;
    case 'float':
      return `p = putFloat(bytes, p, checkNumber(${value}, event, ${name}));`;
    case 'double':
      return `p = putDouble(bytes, p, checkNumber(${value}, event, ${name}));`;
    case 'string':
      return `p = putString(bytes, p, ${value});`;
    case 'pool':
      return `p = putLong(bytes, p, checkKey(${value}, event, ${name}));`;
    case 'enumeration': {
      const cases = argument.values.map(
        (text, key) => `${value} === ${JSON.stringify(text)} ? ${key + 1} : `,
      );
      const other = `enumerationKey(argument${index}, ${value}, event)`;
      return `p = putInt(bytes, p, ${argument.values.length <= 16 ? cases.join('') : ''}${other});`;
    }
  }
}

/** Most integers are small: one byte, without a call. */
function smallInt(value: string, checked: string): string {
  return `if (${value} === (${value} & 127)) bytes[p++] = ${value}; else p = putInt(bytes, p, ${checked});`;
}
