// SPDX-License-Identifier: Apache-2.0
// Values of fields as one line of text: what a table, a label or a frame shows of a struct.
import { textOf } from '../column.ts';
import { decodeDescriptors } from '../print/descriptor.ts';
import { frameText, methodText } from '../print/text-constants.ts';
import { classOf, isStruct, type Struct, toObject, type Value } from '../value.ts';

/** A thread by the name Java knows it by, else the one of the operating system. */
export function threadName(thread: Struct): string {
  const { javaName, osName } = thread;
  if (typeof javaName === 'string' && javaName !== '') return javaName;
  return typeof osName === 'string' ? osName : '';
}

/** `java.lang.String`, `int[]`. */
export function typeName(type: Struct): string {
  const name = typeof type.name === 'string' ? type.name : '';
  const shown = name.startsWith('[') ? (decodeDescriptors(name, '')[0] ?? name) : name;
  return shown.replaceAll('/', '.');
}

/** `java.util.HashMap.put`, without parameters. */
export function methodName(method: Struct): string {
  const name = typeof method.name === 'string' ? method.name : '?';
  return isStruct(method.type) ? `${typeName(method.type)}.${name}` : name;
}

/** The frames of a stack trace that are not hidden, the innermost first. */
export function framesOf(trace: Value): Struct[] {
  if (!isStruct(trace) || !Array.isArray(trace.frames)) return [];
  return (trace.frames as readonly Value[]).filter(
    (frame): frame is Struct =>
      isStruct(frame) && !(isStruct(frame.method) && frame.method.hidden === true),
  );
}

/** A value as text; null for null. Stack traces have a line per frame, other structs are JSON. */
export function constantText(value: Value): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return JSON.stringify(toObject(value, Number.POSITIVE_INFINITY));
  if (!isStruct(value)) return String(value);
  switch (classOf(value).name) {
    case 'java.lang.Thread':
      return threadName(value);
    case 'java.lang.Class':
      return typeName(value);
    case 'jdk.types.Method':
      return methodText(value);
    case 'jdk.types.StackFrame':
      return frameText(value);
    case 'jdk.types.StackTrace':
      return framesOf(value).map(frameText).join('\n');
    case 'jdk.types.ClassLoader':
      if (typeof value.name === 'string') return value.name;
      return isStruct(value.type) ? typeName(value.type) : null;
    default:
      return textOf(value) ?? JSON.stringify(value);
  }
}
