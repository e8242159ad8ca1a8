// SPDX-License-Identifier: Apache-2.0
// The metadata event, type 0: size (4 bytes, padded) · 0 · startTicks · duration · content
import { ByteSink } from '@rekindle/bytes';
import type { Annotation } from './class-model.ts';
import { type Element, element, encodeElements } from './metadata-elements.ts';
import type { EventRegistry } from './registry.ts';

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
  const region = element('region', {
    locale: options.locale ?? 'en_US',
    gmtOffset: String(options.gmtOffset ?? 0),
  });
  const metadata = element('metadata', {}, classElements(registry));
  return encodeMetadataEvent(
    options.startTicks,
    encodeElements(element('root', {}, [metadata, region])),
  );
}

/** A metadata event of this content (id, strings, elements). */
export function encodeMetadataEvent(
  startTicks: number | bigint,
  content: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const event = new ByteSink(content.length + 64);
  const size = event.padded4(0);
  event.varint(0);
  event.long(startTicks);
  event.varint(0);
  event.bytes(content);
  event.patchPadded4(size, event.length);
  return event.view();
}

function classElements(registry: EventRegistry): Element[] {
  const annotations = (used: readonly Annotation[] | undefined): Element[] =>
    (used ?? []).map(({ type, members }) =>
      element('annotation', { class: String(registry.idOf(type)), ...members }),
    );
  return [...registry.classes].map(({ id, model }) =>
    element(
      'class',
      {
        name: model.name,
        ...(model.superType === undefined ? {} : { superType: model.superType }),
        ...(model.simple ? { simpleType: 'true' } : {}),
        id: String(id),
      },
      [
        ...(model.settings ?? []).map(({ name, type, defaultValue }) =>
          element('setting', { name, class: String(registry.idOf(type)), defaultValue }),
        ),
        ...(model.fields ?? []).map((field) =>
          element(
            'field',
            {
              name: field.name,
              class: String(registry.idOf(field.type)),
              ...(field.array ? { dimension: '1' } : {}),
              ...(field.constantPool ? { constantPool: 'true' } : {}),
            },
            annotations(field.annotations),
          ),
        ),
        ...annotations(model.annotations),
      ],
    ),
  );
}
