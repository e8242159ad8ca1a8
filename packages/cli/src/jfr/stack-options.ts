// SPDX-License-Identifier: Apache-2.0
// The options of the commands that make something of stacks.
import { collectStacks, eventsWithStacks, type Recording, type StackProfile } from '@rekindle/jfr';
import type { Command } from 'commander';

export interface StackFlags {
  readonly event?: string;
  readonly weight?: string;
  readonly by?: string;
}

export function addStackOptions(command: Command): Command {
  return command
    .option('--event <type>', 'event type to take (default: execution samples, else most stacks)')
    .option(
      '--weight <field>',
      'sum this field, for example duration; without it events are counted',
    )
    .option('--by <fields>', 'stack up the values of these fields, from the root on: a,b,c');
}

/** Profilers first: HotSpot's and async-profiler's, then what Native Image and CPU time profiling write. */
const PREFERRED = ['jdk.ExecutionSample', 'jdk.CPUTimeSample', 'profiler.WallClockSample'];

/** The event type that a user meant without naming one; undefined where no event has a stack. */
async function defaultEvent(recording: Recording): Promise<string | undefined> {
  const events = (await eventsWithStacks(recording)).map(({ name }) => name);
  return PREFERRED.find((name) => events.includes(name)) ?? events[0];
}

/** Undefined where no type was named and no event of the recording has a stack. */
export async function stacksOf(
  recording: Recording,
  { event, weight, by }: StackFlags,
): Promise<StackProfile | undefined> {
  const chosen = event ?? (await defaultEvent(recording));
  if (chosen === undefined) return undefined;
  return await collectStacks(recording, {
    event: chosen,
    weight,
    by: by
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  });
}
