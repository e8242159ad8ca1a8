// SPDX-License-Identifier: Apache-2.0
// Event settings: per event type a few named texts (enabled, threshold, stackTrace, period, cutoff,
// throttle). Recordings that run at the same time share one set, the most generous of each value.
import type { EventType } from '@rekindle/jfr/writing';
import { formatTimespan, parseTimespan } from './timespan.ts';

/** Settings of one recording: `event#setting` to value, as in `jdk.CPULoad#period`: `1000 ms`. */
export type Settings = Readonly<Record<string, string>>;

/** What all running recordings together ask for. */
export interface MergedSettings {
  /** False: no recording runs, nothing is enabled. */
  readonly recording: boolean;
  /** Event name to setting to value. */
  readonly events: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const NOTHING_RECORDED: MergedSettings = { recording: false, events: {} };

const PERIODS = ['everyChunk', 'beginChunk', 'endChunk'];

/** Merges the settings of the recordings that run now. */
export function mergeSettings(running: readonly Settings[]): MergedSettings {
  const events: Record<string, Record<string, string>> = {};
  for (const settings of running) {
    for (const [key, value] of Object.entries(settings)) {
      const hash = key.lastIndexOf('#');
      if (hash <= 0) continue;
      const event = key.slice(0, hash);
      const name = key.slice(hash + 1);
      events[event] ??= {};
      const before = events[event][name];
      events[event][name] = before === undefined ? value : generous(name, before, value);
    }
  }
  return { recording: running.length > 0, events };
}

/** The value that records more. */
function generous(name: string, a: string, b: string): string {
  switch (name) {
    case 'enabled':
    case 'stackTrace':
    case 'asyncContext':
      return a === 'true' || b === 'true' ? 'true' : 'false';
    case 'threshold':
      return formatTimespan(Math.min(parseTimespan(a) ?? 0, parseTimespan(b) ?? 0));
    case 'cutoff':
      return formatTimespan(Math.max(parseTimespan(a) ?? 0, parseTimespan(b) ?? 0));
    case 'period':
      return generousPeriod(a, b);
    case 'throttle':
      return perSecond(a) >= perSecond(b) ? a : b;
    default:
      return a === b ? a : b;
  }
}

/** A number beats a word: it means more events than one per chunk. */
function generousPeriod(a: string, b: string): string {
  const first = parseTimespan(a);
  const second = parseTimespan(b);
  if (first !== undefined && second !== undefined) return first <= second ? a : b;
  if (first !== undefined) return a;
  if (second !== undefined) return b;
  if (a === b) return a;
  // once at each end is what everyChunk means
  return PERIODS.includes(a) && PERIODS.includes(b) ? 'everyChunk' : a;
}

/** Events per second of "150/s", "10/ms"; infinite for "off". */
export function perSecond(throttle: string): number {
  if (throttle === 'off') return Number.POSITIVE_INFINITY;
  const match = /^(\d+)\s*\/\s*(ns|us|ms|s|m|h|d)$/.exec(throttle.trim());
  if (match === null) return Number.POSITIVE_INFINITY;
  return (Number(match[1]) * 1e9) / parseTimespan(`1 ${match[2]}`)!;
}

/** A setting of an event type: what recordings ask for, else the default of its declaration. */
export function effectiveSetting(
  settings: MergedSettings,
  type: EventType,
  name: string,
): string | undefined {
  const asked = settings.events[type.name]?.[name];
  if (asked !== undefined) return asked;
  return type.settings.find((setting) => setting.name === name)?.defaultValue;
}
