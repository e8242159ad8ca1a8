// SPDX-License-Identifier: Apache-2.0

import { eventBound } from './encoder.ts';
import { compileEncoder } from './encoder-compile.ts';
import { ActiveSetting } from './flight-recorder-events.ts';
import type { EventRegistry, EventType } from './registry.ts';

/**
 * One `jdk.ActiveSetting` per event type and setting, as bytes for {@link ChunkWriter.appendEvents}:
 * each chunk needs them, since readers judge by them whether an event could have been there. `inForce`
 * gives the value in force; default: what is declared. The ids are those of the registry, because JMC
 * fails on an id that the chunk does not declare.
 */
export function activeSettings(
  registry: EventRegistry,
  ticks: number | bigint,
  inForce: (event: EventType, setting: string, declared: string) => string = (
    _event,
    _name,
    value,
  ) => value,
): Uint8Array {
  const type = registry.register(ActiveSetting);
  const encode = compileEncoder(type);
  const values: [number | bigint, number, string, string][] = [];
  for (const event of registry.events) {
    for (const { name, defaultValue } of event.settings) {
      values.push([ticks, event.id, name, inForce(event, name, defaultValue)]);
    }
  }
  const bytes = new Uint8Array(values.reduce((sum, row) => sum + eventBound(type, row), 0));
  let at = 0;
  for (const row of values) at = encode(bytes, at, bytes.length, ...row);
  return bytes.subarray(0, at);
}
