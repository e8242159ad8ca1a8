// SPDX-License-Identifier: Apache-2.0
// Threads, classes, loaders, methods, stack traces and reference chains as `jfr print` shows them.
import { isStruct, type Struct, type Value } from '../value.ts';
import { decodeDescriptors } from './descriptor.ts';

const field = (value: Value | undefined, name: string): Value =>
  isStruct(value) ? (value[name] ?? null) : null;
const text = (value: Value): string => (typeof value === 'string' ? value : 'null');
const number = (value: Value, absent: number | bigint): number | bigint =>
  typeof value === 'bigint' || Number.isInteger(value) ? (value as number | bigint) : absent;

/** `"main" (javaThreadId = 1)`, or the OS name and id of a thread that Java does not know. */
export function threadText(thread: Value): string {
  const javaThreadId = number(field(thread, 'javaThreadId'), -1);
  if (javaThreadId > 0) {
    const virtual = field(thread, 'virtual') === true ? ', virtual' : '';
    return `"${text(field(thread, 'javaName'))}" (javaThreadId = ${javaThreadId}${virtual})`;
  }
  const osThreadId = number(field(thread, 'osThreadId'), -1);
  return `"${text(field(thread, 'osName'))}" (osThreadId = ${osThreadId})`;
}

export function className(type: Value): string {
  return text(field(type, 'name')).replaceAll('/', '.');
}

/** `java.lang.String (classLoader = bootstrap)`. */
export function classText(type: Value): string {
  const loader = field(type, 'classLoader');
  const name = className(type);
  const shown = name.startsWith('[') ? (decodeDescriptors(name, '')[0] ?? name) : name;
  const loaderName = field(loader, 'name');
  const by =
    loader === null
      ? 'null'
      : typeof loaderName === 'string'
        ? loaderName
        : className(field(loader, 'type'));
  return `${shown} (classLoader = ${by})`;
}

/** `jdk.internal.loader.ClassLoaders$AppClassLoader (id = 3)`; the id is the key in the pool. */
export function loaderText(loader: Value, key: number | bigint): string {
  const type = field(loader, 'type');
  if (type === null) return 'null';
  return `${className(type)} (id = ${key})`;
}

/** `java.util.HashMap.put(Object, Object)`: parameters by their simple names. */
export function methodText(method: Value): string {
  const descriptor = field(method, 'descriptor');
  const whole = typeof descriptor === 'string' ? descriptor.replaceAll('/', '.') : '';
  const parameters = whole.slice(1, Math.max(1, whole.lastIndexOf(')')));
  const names = decodeDescriptors(parameters, '').map((name) =>
    name.slice(name.lastIndexOf('.') + 1),
  );
  const type = className(field(method, 'type'));
  return `${type}.${text(field(method, 'name'))}(${names.join(', ')})`;
}

/** `pkg.Class.method(int) line: 42`. */
export function frameText(frame: Value): string {
  const line = number(field(frame, 'lineNumber'), -1);
  return methodText(field(frame, 'method')) + (line >= 0 ? ` line: ${line}` : '');
}

/** A stack trace in brackets, one frame a line, hidden frames left out, cut at `depth` frames. */
export function stackTraceText(trace: Value, depth: number, indent: string): string {
  const frames = field(trace, 'frames');
  const list = Array.isArray(frames) ? (frames as readonly Value[]) : [];
  let out = '[\n';
  let index = 0;
  for (let shown = 0; index < list.length && shown < depth; index++) {
    const frame = list[index]!;
    if (field(field(frame, 'method'), 'hidden') === true) continue;
    out += `${indent}  ${frameText(frame)}\n`;
    shown++;
  }
  if (field(trace, 'truncated') === true || index === depth) out += `${indent}  ...\n`;
  return `${out}${indent}]`;
}

/** An old object (an array of so many elements, or -1) and who refers to it, up to the root. */
export function referenceChain(object: Value, indent: string, arrayElements: number): string {
  const lines: string[] = [];
  let at = object;
  let shown = describeObject(at, BigInt(arrayElements));
  const seen = new Set<Value>();
  while (isStruct(at) && !seen.has(at)) {
    seen.add(at);
    lines.push(shown);
    const reference: Value = field(at, 'referrer');
    if (!isStruct(reference)) break;
    if (number(field(reference, 'skip'), 0) > 0) lines.push('...');
    const { holder, size } = holderOf(reference);
    at = field(reference, 'object');
    shown = `${holder} : ${at === null ? '' : describeObject(at, size)}`;
    if (at === null) lines.push(shown);
  }
  return ` [\n${lines.map((line) => `${indent}  ${line}\n`).join('')}${indent}]`;
}

function holderOf(reference: Struct): { holder: string; size: bigint } {
  const array = field(reference, 'array');
  const through = field(reference, 'field');
  const size = array === null ? -1n : BigInt(number(field(array, 'size'), -1));
  if (through !== null) return { holder: text(field(through, 'name')), size };
  const index = number(field(array, 'index'), -1);
  return { holder: array === null ? '' : `[${index}]`, size };
}

function describeObject(object: Value, arraySize: bigint): string {
  const type = field(object, 'type');
  if (type === null) return '';
  const name = className(type);
  const size = arraySize > 0n ? String(arraySize) : '';
  const shown = name.startsWith('[') ? (decodeDescriptors(name, size)[0] ?? name) : name;
  const description = field(object, 'description');
  return typeof description === 'string' ? `${shown} ${description}` : shown;
}
