// SPDX-License-Identifier: Apache-2.0
// `jfr metadata`, byte for byte as JDK 25 prints it: every class a recording declares, in the manner of
// Java source.
import type { Annotation, ClassType, Field, TypeModel } from '../type-model.ts';
import type { EventTypeFilter } from './event-filter.ts';

const ANNOTATION = 'java.lang.annotation.Annotation';
const GROUPS: Readonly<Record<string, number>> = {
  [ANNOTATION]: 3,
  'jdk.jfr.SettingControl': 4,
  'jdk.jfr.Event': 5,
};

/**
 * The text of all classes, or of the event types that pass the filter. Of several chunks: each class once,
 * as the first chunk declares it.
 */
export function formatMetadata(chunks: readonly TypeModel[], filter?: EventTypeFilter): string {
  const known = new Map<number, { readonly type: ClassType; readonly types: TypeModel }>();
  for (const types of chunks) {
    for (const type of types.classes) {
      if (!known.has(type.id)) known.set(type.id, { type, types });
    }
  }
  return [...known.values()]
    .filter(({ type }) => !filter || (type.event && filter(type)))
    .sort((one, other) => byGroupAndName(one.type, other.type))
    .map(({ type, types }) => formatClass(type, types))
    .join('');
}

/** Plain classes, annotations, settings, events; within them by package, then by name. */
function byGroupAndName(a: ClassType, b: ClassType): number {
  const group = (type: ClassType): number =>
    type.superType === undefined ? 1 : (GROUPS[type.superType] ?? 2);
  if (group(a) !== group(b)) return group(a) - group(b);
  const [packageA, packageB] = [packageOf(a.name), packageOf(b.name)];
  if (packageA === packageB) return compare(a.name, b.name);
  return compare(packageA, packageB);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const packageOf = (name: string): string => name.slice(0, name.lastIndexOf('.') + 1);
const simple = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

function formatClass(type: ClassType, types: TypeModel): string {
  const lines: string[] = [];
  if (type.name.includes('.')) lines.push(`@Name("${type.name}")`);
  lines.push(...annotationLines(type.annotations, types, ''));
  const parent = type.superType === undefined ? '' : ` extends ${type.superType}`;
  lines.push(`class ${simple(type.name)}${parent} {`);
  for (const [index, field] of type.fields.entries()) {
    if (index > 0) lines.push('');
    lines.push(...annotationLines(field.annotations, types, '  '));
    lines.push(`  ${simple(shownType(field, types))}${field.array ? '[]' : ''} ${field.name};`);
  }
  lines.push('}', '', '');
  return lines.join('\n');
}

/** A simple type (Symbol, GCName) shows as the type of its one field. */
function shownType({ typeId, typeName = '' }: Field, types: TypeModel): string {
  const type = types.byId(typeId);
  return type?.simple && type.fields.length === 1 ? (type.fields[0]?.typeName ?? '') : typeName;
}

function annotationLines(
  annotations: readonly Annotation[],
  types: TypeModel,
  indent: string,
): string[] {
  return annotations
    .filter(({ typeName }) => typeName !== 'jdk.jfr.Name')
    .map((annotation) => `${indent}@${simple(annotation.typeName)}${members(annotation, types)}`);
}

/** The members in the order in which the annotation's class declares them. */
function members(annotation: Annotation, types: TypeModel): string {
  const fields = types.byId(annotation.typeId)?.fields ?? [];
  const texts = fields.map(({ name, typeName, array }) => {
    const value = annotation.values.get(name);
    const quote = (item: string): string => (typeName === 'java.lang.String' ? `"${item}"` : item);
    const list = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    const text =
      array && list.length !== 1 ? `{${list.map(quote).join(', ')}}` : quote(list[0] ?? '');
    return fields.length === 1 && name === 'value' ? text : `${name}=${text}`;
  });
  return texts.length === 0 ? '' : `(${texts.join(', ')})`;
}
