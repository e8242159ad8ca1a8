// SPDX-License-Identifier: Apache-2.0
import { JfrError } from '../error.ts';
import { eventTypesOf } from '../event-types.ts';
import type { Recording } from '../recording.ts';

/**
 * The qualified name of an event type that a user named, qualified or simple (`ExecutionSample`).
 * Throws JFR_UNKNOWN_NAME when the recording has no such type, or several.
 */
export async function resolveEventName(recording: Recording, name: string): Promise<string> {
  const names = (await recording.summary()).events.map((event) => event.name);
  if (names.includes(name)) return name;
  const found = names.filter((known) => known.slice(known.lastIndexOf('.') + 1) === name);
  if (found.length === 1) return found[0]!;
  throw new JfrError(
    'JFR_UNKNOWN_NAME',
    found.length === 0 ? `no event type ${name}` : `several event types ${name}`,
    {},
    found.length === 0 ? 'rekindle jfr summary FILE lists them' : `name one: ${found.join(', ')}`,
  );
}

/** Event types with stack traces, and how many events each has, the most frequent first. */
export async function eventsWithStacks(
  recording: Recording,
): Promise<{ readonly name: string; readonly count: number }[]> {
  const types = await eventTypesOf(recording);
  const hasStacks = (name: string): boolean =>
    types.get(name)?.fields.some((field) => field.name === 'stackTrace') === true;
  return (await recording.summary()).events.filter(
    ({ name, count }) => count > 0 && hasStacks(name),
  );
}
