// SPDX-License-Identifier: Apache-2.0
// Values as they travel between the bean and its callers, and what is believed of them.
import type { Configuration } from '../configuration.ts';
import { RecorderError } from '../error.ts';
import { PREDEFINED, predefinedConfigurations } from '../predefined.ts';
import type { EventTypeInfo, RecordingInfo } from '../protocol.ts';
import { formatTimespan } from '../timespan.ts';

/** Tabular data, as plain objects. */
export type Table = Readonly<Record<string, unknown>>;

export function predefined(name: string): Configuration {
  const found = predefinedConfigurations().find((item) => item.name === name);
  if (found === undefined) {
    // a path would be a way to read files
    throw new RecorderError('RECORDER_FORBIDDEN', `no predefined configuration "${name}"`, {
      hint: `there are ${PREDEFINED.join(', ')}`,
    });
  }
  return found.configuration;
}

export function id(value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new RecorderError('RECORDER_BAD_OPTION', `"${String(value)}" is no id`);
  }
  return number;
}

export function asTable(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Table)
    : {};
}

export function textValues(values: Table): Record<string, string> {
  const entries = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** Nanoseconds of an ISO instant or of milliseconds since 1970. */
export function moment(value: unknown): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  const text = String(value);
  const millis = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(millis)) {
    throw new RecorderError('RECORDER_BAD_OPTION', `"${text}" is no point in time`);
  }
  return BigInt(Math.round(millis)) * 1_000_000n;
}

export function recordingInfo(info: RecordingInfo): Table {
  return {
    id: info.id,
    name: info.name,
    state: info.state.toUpperCase(),
    dumpOnExit: info.dumpOnExit,
    size: info.size,
    toDisk: info.disk,
    maxAge: Math.round((info.maxAge ?? 0) / 1000),
    maxSize: info.maxSize ?? 0,
    startTime: info.startTime ?? 0,
    stopTime: info.stopTime ?? 0,
    duration: Math.round((info.duration ?? 0) / 1000),
    destination: info.destination ?? null,
    settings: info.settings,
  };
}

export function optionsOf(info: RecordingInfo): Table {
  const span = (millis: number | undefined): string =>
    millis === undefined ? '0' : formatTimespan(millis * 1e6);
  return {
    name: info.name,
    duration: span(info.duration),
    maxAge: span(info.maxAge),
    maxSize: info.maxSize === undefined ? '0' : String(info.maxSize),
    dumpOnExit: String(info.dumpOnExit),
    disk: String(info.disk),
    destination: info.destination ?? null,
  };
}

export function eventTypeInfo(type: EventTypeInfo): Table {
  return {
    id: type.id,
    name: type.name,
    label: type.label,
    description: type.description,
    categoryNames: type.category,
    settingDescriptors: type.settings.map(({ name, type: typeName, defaultValue }) => ({
      name,
      label: name,
      description: '',
      typeName,
      contentType: '',
      defaultValue,
    })),
  };
}
