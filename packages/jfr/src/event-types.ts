// SPDX-License-Identifier: Apache-2.0
// What event types a recording has, without reading its events.
import type { Recording } from './recording.ts';
import type { ClassType } from './type-model.ts';

/** The event types that chunks declare, by name; where they differ, the last counts. */
export async function eventTypesOf(recording: Recording): Promise<Map<string, ClassType>> {
  const types = new Map<string, ClassType>();
  for (const { index } of recording.places) {
    const { events } = await recording.types(index);
    for (const type of events) types.set(type.name, type);
  }
  return types;
}
