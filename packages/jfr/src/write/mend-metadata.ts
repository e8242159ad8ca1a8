// SPDX-License-Identifier: Apache-2.0
// Metadata that damage has passed over is often still a tree, but one that the JDK refuses whole for a
// single wrong name. Here what is wrong is left out; what remains says the same of what can be read.
import { ANNOTATION, EVENT, SETTING_CONTROL } from './class-model.ts';
import { type Element, element } from './metadata-elements.ts';

const SUPER_TYPES: readonly string[] = [ANNOTATION, EVENT, SETTING_CONTROL];
const PRIMITIVES: readonly string[] = [
  'boolean',
  'byte',
  'char',
  'short',
  'int',
  'long',
  'float',
  'double',
  'java.lang.String',
];
const REGION = element('region', { locale: 'en_US', gmtOffset: '0' });

export interface MendedMetadata {
  readonly root: Element;
  /** Ids of the classes that remain. Of others, no event and no constant may be written. */
  readonly classes: ReadonlySet<number>;
}

/**
 * The same tree where nothing is wrong with it. `isReadable` says of a class id whether this package's
 * reader makes sense of the class.
 */
export function mendMetadata(root: Element, isReadable: (id: number) => boolean): MendedMetadata {
  const classes = new Map<string, Element>();
  const names = new Set<string>();
  const metadata = root.children.find(({ name }) => name === 'metadata');
  for (const one of metadata?.children ?? []) {
    const id = one.attributes.get('id') ?? '';
    const name = mendName(one.attributes.get('name') ?? '');
    if (one.name !== 'class' || !/^\d{1,15}$/.test(id) || !isReadable(Number(id))) continue;
    if (names.has(name) || classes.has(id)) continue;
    names.add(name);
    classes.set(id, withSuperType(withAttributes(one, { name })));
  }
  dropUnreadable(classes);
  const region = mendRegion(root.children.find(({ name }) => name === 'region'));
  const mended = [...classes.values()].map((one) => mendClass(one, classes));
  return {
    root: { ...root, name: 'root', children: [element('metadata', {}, mended), region] },
    classes: new Set(Array.from(classes.keys(), Number)),
  };
}

function mendRegion(region: Element | undefined): Element {
  if (region === undefined) return REGION;
  const attributes = new Map(region.attributes);
  for (const offset of ['gmtOffset', 'dst']) {
    if (!/^-?\d{1,8}$/.test(attributes.get(offset) ?? '')) attributes.delete(offset);
  }
  return { ...region, attributes };
}

/** Drops classes with a field of no class, or of one that is no value's; and then, what used those. */
function dropUnreadable(classes: Map<string, Element>): void {
  for (let dropped = true; dropped; ) {
    dropped = false;
    for (const [id, one] of classes) {
      const { children } = one;
      const fields = children.filter(({ name }) => name === 'field');
      const superType = superTypeOf(one);
      const readable = fields.every((field) => {
        const type = classes.get(field.attributes.get('class') ?? '');
        if (type === undefined || superTypeOf(type) !== undefined || !named(field)) return false;
        if (!isFlag(field, 'constantPool') || !isFlag(type, 'simpleType')) return false;
        // the JDK reads simple types in pools alone, and primitive ones nowhere else than in place
        if (isPrimitive(type) && isTrue(field, 'constantPool')) return false;
        if (isTrue(type, 'simpleType') && !isTrue(field, 'constantPool')) return false;
        return superType !== ANNOTATION || isPrimitive(type);
      });
      // what has no fields is written as a primitive is, and only those are known; events have a time
      const bare =
        fields.length === 0 &&
        (superType === EVENT || (superType === undefined && !isPrimitive(one)));
      if (!readable || bare) {
        classes.delete(id);
        dropped = true;
      }
    }
  }
}

function withSuperType(one: Element): Element {
  const superType = superTypeOf(one);
  if (superType === undefined || SUPER_TYPES.includes(superType)) return one;
  const attributes = new Map(one.attributes);
  attributes.delete('superType');
  return { ...one, attributes };
}

function mendClass(one: Element, classes: ReadonlyMap<string, Element>): Element {
  const isEvent = superTypeOf(one) === EVENT;
  const typeOf = (child: Element): Element | undefined =>
    classes.get(child.attributes.get('class') ?? '');
  const children: Element[] = [];
  for (const child of one.children) {
    const type = typeOf(child);
    if (type === undefined) continue;
    if (child.name === 'setting') {
      if (isEvent && superTypeOf(type) === SETTING_CONTROL && named(child)) children.push(child);
    } else if (child.name === 'annotation') {
      if (isComplete(child, type)) children.push(child);
    } else if (child.name === 'field') {
      const annotations = child.children.filter((part) => {
        const kind = typeOf(part);
        return part.name === 'annotation' && kind !== undefined && isComplete(part, kind);
      });
      children.push({ ...mendField(child), children: annotations });
    }
  }
  return { ...one, children };
}

/** Flags as this package's reader takes them: the JDK's takes some damaged ones otherwise. */
function mendField(field: Element): Element {
  const attributes = new Map(field.attributes);
  attributes.set('name', mendIdentifier(attributes.get('name') ?? ''));
  if (!isTrue(field, 'constantPool')) attributes.delete('constantPool');
  if (isArray(field)) attributes.set('dimension', '1');
  else attributes.delete('dimension');
  return { ...field, attributes };
}

/** Neither true nor absent: damage, of which there is no telling what it was. */
function isFlag(one: Element, attribute: string): boolean {
  return isTrue(one, attribute) || !one.attributes.has(attribute);
}

function isTrue(one: Element, attribute: string): boolean {
  return one.attributes.get(attribute) === 'true';
}

function isArray(field: Element): boolean {
  return Number(field.attributes.get('dimension') ?? 0) > 0;
}

/** An annotation needs a value for each field of its class that is no array. */
function isComplete(used: Element, type: Element): boolean {
  if (superTypeOf(type) !== ANNOTATION) return false;
  return type.children.every((field) => {
    if (field.name !== 'field') return true;
    // members of an array are numbered, and there may be none
    if (isArray(field)) return true;
    const name = field.attributes.get('name') ?? '';
    return used.attributes.has(name) && mendIdentifier(name) === name;
  });
}

function named(child: Element): boolean {
  return (child.attributes.get('name') ?? '') !== '';
}

function isPrimitive(type: Element): boolean {
  return PRIMITIVES.includes(type.attributes.get('name') ?? '');
}

function superTypeOf(type: Element): string | undefined {
  return type.attributes.get('superType');
}

function withAttributes(one: Element, changes: Readonly<Record<string, string>>): Element {
  return { ...one, attributes: new Map([...one.attributes, ...Object.entries(changes)]) };
}

function mendName(name: string): string {
  return name.split('.').map(mendIdentifier).join('.');
}

/** A Java identifier, where damage has made something else of it. */
function mendIdentifier(text: string): string {
  return text.replace(/[^\w$]/g, '_').replace(/^(?![A-Za-z_$])/, '_');
}
