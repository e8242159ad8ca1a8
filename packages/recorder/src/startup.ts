// SPDX-License-Identifier: Apache-2.0
// Recordings asked for from outside, in the syntax of `-XX:StartFlightRecording`:
//   delay=5s,duration=1m,filename=%p-%t.jfr,settings=profile,maxage=1h,maxsize=250m,name=x,
//   disk=true,dumponexit=true,flush-interval=1s,gc=detailed,jdk.CPULoad#period=100ms
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Configuration } from './configuration.ts';
import { RecorderError } from './error.ts';
import { completeRecordings, configureRecorder } from './flight-recorder.ts';
import { parseRecorderOptions } from './options.ts';
import { findConfiguration } from './predefined.ts';
import type { RecordingOptions } from './protocol.ts';
import { Recording } from './recording.ts';
import { startRemoteControl } from './remote-control.ts';
import { stamp } from './stamp.ts';
import { parseSize, parseTimespan } from './timespan.ts';
import { enableVmEvents } from './vm-events.ts';

/** The variable that asks for a recording. */
const VARIABLE = 'REKINDLE_START_FLIGHT_RECORDING';
const MILLI = 1e6;
/** Applied to a recording that names neither maxage nor maxsize, as in the JDK. */
const DEFAULT_MAX_SIZE: number = 250 * 1024 * 1024;

const KEYS = [
  'delay',
  'disk',
  'dumponexit',
  'duration',
  'filename',
  'flush-interval',
  'maxage',
  'maxsize',
  'name',
  'settings',
];

/** Options of a recording from `key=value` pairs. Throws RECORDER_BAD_OPTION. */
export function parseStartOptions(text: string): RecordingOptions {
  const given = new Map<string, string>();
  const configurations: Configuration[] = [];
  const changes: [string, string][] = [];
  for (const part of text.split(',').filter((item) => item.trim() !== '')) {
    const equals = part.indexOf('=');
    if (equals <= 0) throw bad(`"${part}" is not key=value`);
    const key = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    if (key === 'settings') {
      if (value !== 'none') configurations.push(findConfiguration(value));
    } else if (KEYS.includes(key)) {
      given.set(key, value);
    } else {
      changes.push([key, spaced(value)]);
    }
  }
  if (configurations.length === 0 && !text.includes('settings=none')) {
    configurations.push(findConfiguration('default'));
  }
  // settings=none: what is added stands alone
  if (configurations.length === 0) {
    configurations.push(new Configuration('<configuration version="2.0"/>'));
  }
  for (const [key, value] of changes) change(configurations, key, value);
  const span = (key: string): number | undefined => {
    const value = given.get(key);
    if (value === undefined) return undefined;
    const nanos = parseTimespan(value);
    if (nanos === undefined) throw bad(`${key} cannot be "${value}"`, 'write 30s, 10m or 1h');
    return nanos / MILLI;
  };
  const flag = (key: string): boolean | undefined => {
    const value = given.get(key);
    if (value === undefined) return undefined;
    if (value !== 'true' && value !== 'false') throw bad(`${key} is true or false, not "${value}"`);
    return value === 'true';
  };
  const sizeText = given.get('maxsize');
  const maxSize = sizeText === undefined ? undefined : parseSize(sizeText);
  if (sizeText !== undefined && maxSize === undefined) {
    throw bad(`maxsize cannot be "${sizeText}"`, 'write 250m or 1g');
  }
  const maxAge = span('maxage');
  const filename = given.get('filename');
  // as the JDK refuses it: nothing would ever write the file
  if (filename !== undefined && flag('dumponexit') === false && !given.has('duration')) {
    throw bad('filename is for a recording with a duration, or with dumponexit=true');
  }
  return {
    name: given.get('name'),
    disk: flag('disk'),
    dumpOnExit: flag('dumponexit') ?? filename !== undefined,
    destination: filename === undefined ? undefined : expandFilename(filename),
    delay: span('delay'),
    duration: span('duration'),
    maxAge,
    maxSize: maxSize ?? (maxAge === undefined ? DEFAULT_MAX_SIZE : undefined),
    flushInterval: span('flush-interval'),
    settings: Object.assign({}, ...configurations.map(({ settings }) => settings)),
  };
}

/** `%p` is the process id, `%t` the time; a directory gets a file of both. */
export function expandFilename(filename: string): string {
  const time = stamp(new Date());
  const expanded = filename.replace(/%([pt%])/g, (_, what: string) =>
    what === 'p' ? String(process.pid) : what === 't' ? time : '%',
  );
  if (statSync(expanded, { throwIfNoEntry: false })?.isDirectory()) {
    return join(expanded, `rekindle-pid-${process.pid}-${time}.jfr`);
  }
  return expanded;
}

/** Environment and Node.js arguments with which a program records itself from its start. */
export function startEnvironment(options: string): {
  readonly environment: Readonly<Record<string, string>>;
  readonly nodeArguments: readonly string[];
} {
  const register = new URL('./register.js', import.meta.url.replace('/src/', '/dist/'));
  return {
    environment: { [VARIABLE]: options },
    nodeArguments: ['--import', register.href],
  };
}

/** Starts a recording as a text asks; the process goes on without one when the text is wrong. */
export function startAsAsked(text: string): Recording | undefined {
  try {
    const recorder = process.env.REKINDLE_FLIGHT_RECORDER_OPTIONS;
    if (recorder !== undefined) configureRecorder(parseRecorderOptions(recorder));
    const recording = new Recording(parseStartOptions(text));
    enableVmEvents();
    recording.start();
    // Children of this process inherit the variable; only with %p would they have files of their own.
    if (!/filename=[^,]*%p/.test(text)) delete process.env[VARIABLE];
    endOnSignals();
    // so that `rekindle record check|dump|stop PID` finds it
    startRemoteControl().catch((error) => process.emitWarning(String(error)));
    return recording;
  } catch (error) {
    if (!(error instanceof RecorderError)) throw error;
    const hint = error.hint === undefined ? '' : ` (${error.hint})`;
    process.emitWarning(`no flight recording: ${error.message}${hint}`);
    return undefined;
  }
}

/**
 * A signal that nobody handles ends a process without its exit handlers, and the recording with it: for
 * a server, Ctrl-C is the ordinary end. The recording is completed first, then the signal is given again.
 */
function endOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const handler = (): void => {
      if (process.listenerCount(signal) > 1) return;
      completeRecordings();
      process.removeListener(signal, handler);
      process.kill(process.pid, signal);
    };
    process.on(signal, handler);
  }
}

/** A control or setting of any of the configurations; `+event#setting` adds to the first. */
function change(configurations: readonly Configuration[], key: string, value: string): void {
  let last: unknown;
  let done = false;
  for (const configuration of configurations) {
    try {
      configuration.set(key, value);
      done = true;
    } catch (error) {
      last = error;
    }
  }
  if (!done) throw last;
}

/** "20ms" as settings spell it. */
function spaced(value: string): string {
  return value.replace(/^(\d+)(ns|us|ms|s|m|h|d)$/, '$1 $2');
}

function bad(message: string, hint?: string): RecorderError {
  return new RecorderError('RECORDER_BAD_OPTION', message, hint === undefined ? {} : { hint });
}
