// SPDX-License-Identifier: Apache-2.0
// The metadata event, type 0: a table of strings and a tree of elements.
//
//   size (4 bytes, padded) · 0 · startTicks · duration · metadataId · stringCount · strings… · root
//   element := name · attributeCount · (key · value)… · childCount · children…      indexes into strings
//
//   root ─┬ metadata ── class ─┬ setting
//         │                    ├ field ── annotation
//         │                    └ annotation
//         └ region
import { ByteSink } from '@rekindle/bytes';
import type { Annotation } from './class-model.ts';
import type { EventRegistry } from './registry.ts';

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
}

export interface MetadataOptions {
  readonly startTicks: number | bigint;
  readonly locale?: string;
  /** Milliseconds to add to UTC for the local time of the recording. */
  readonly gmtOffset?: number;
}

/** The metadata event of everything registered, size included. */
export function encodeMetadata(
  registry: EventRegistry,
  options: MetadataOptions,
): Uint8Array<ArrayBuffer> {
  const region: Element = {
    name: 'region',
    attributes: {
      locale: options.locale ?? 'en_US',
      gmtOffset: String(options.gmtOffset ?? 0),
    },
    children: [],
  };
  const root: Element = {
    name: 'root',
    attributes: {},
    children: [{ name: 'metadata', attributes: {}, children: classElements(registry) }, region],
  };
  const tree = new ByteSink(16_384);
  const strings = new Map<string, number>();
  const index = (text: string): number => {
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, strings.size);
    return strings.size - 1;
  };
  const write = (element: Element): void => {
    tree.varint(index(element.name));
    const attributes = Object.entries(element.attributes);
    tree.varint(attributes.length);
    for (const [key, value] of attributes) {
      tree.varint(index(key));
      tree.varint(index(value));
    }
    tree.varint(element.children.length);
    for (const child of element.children) write(child);
  };
  write(root);

  const event = new ByteSink(tree.length + 16_384);
  const size = event.padded4(0);
  event.varint(0);
  event.long(options.startTicks);
  event.varint(0);
  const table = new ByteSink(16_384);
  for (const text of strings.keys()) {
    table.u8(3);
    table.utf8(text);
  }
  event.varint(contentId(table.view(), tree.view()));
  event.varint(strings.size);
  event.bytes(table.view());
  event.bytes(tree.view());
  event.patchPadded4(size, event.length);
  return event.copy();
}

/**
 * The metadata id. Readers skip a metadata event whose id is that of the chunk before, even where that
 * chunk comes from another process and has other types; so the id is a hash (FNV-1a, twice) of the
 * content, far above the small counters that HotSpot uses.
 */
export function contentId(...parts: readonly Uint8Array[]): number {
  let low = 0x811c9dc5;
  let high = 0x01234567;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++) {
      low = Math.imul(low ^ part[at]!, 0x01000193);
      high = Math.imul(high ^ part[at]!, 0x01000193);
    }
  }
  return ((high >>> 12) | 0x80000) * 2 ** 32 + (low >>> 0);
}

function classElements(registry: EventRegistry): Element[] {
  const annotations = (used: readonly Annotation[] | undefined): Element[] =>
    (used ?? []).map(({ type, members }) => ({
      name: 'annotation',
      attributes: { class: String(registry.idOf(type)), ...members },
      children: [],
    }));
  return [...registry.classes].map(({ id, model }) => ({
    name: 'class',
    attributes: {
      name: model.name,
      ...(model.superType === undefined ? {} : { superType: model.superType }),
      ...(model.simple ? { simpleType: 'true' } : {}),
      id: String(id),
    },
    children: [
      ...(model.settings ?? []).map(({ name, type, defaultValue }) => ({
        name: 'setting',
        attributes: { name, class: String(registry.idOf(type)), defaultValue },
        children: [],
      })),
      ...(model.fields ?? []).map((field) => ({
        name: 'field',
        attributes: {
          name: field.name,
          class: String(registry.idOf(field.type)),
          ...(field.array ? { dimension: '1' } : {}),
          ...(field.constantPool ? { constantPool: 'true' } : {}),
        },
        children: annotations(field.annotations),
      })),
      ...annotations(model.annotations),
    ],
  }));
}
