// SPDX-License-Identifier: Apache-2.0
// The one recorder of a process, as a thread sees it: the shared memory, this thread's slot in it, the
// handles waiting for both.
import {
  BroadcastChannel,
  getEnvironmentData,
  isMainThread,
  setEnvironmentData,
  threadId,
} from 'node:worker_threads';
import type { EventDeclaration } from '@rekindle/jfr/writing';
import { Arena, WORD } from './arena.ts';
import { ThreadConstants } from './constants.ts';
import { Control } from './control.ts';
import { RecorderError } from './error.ts';
import { EventHandle, type ThreadBinding } from './handle.ts';
import { checkSizes, DEFAULT_OPTIONS, type RecorderOptions } from './options.ts';
import { attachThread } from './thread.ts';
import { SharedTypes } from './types.ts';

/** Name under which worker threads find the arena. */
const ENVIRONMENT_KEY = '@rekindle/recorder arena';
let binding: ThreadBinding | undefined;
let control: Control | undefined;
let options: RecorderOptions = DEFAULT_OPTIONS;
let threadName: string | undefined;
let completed = false;
/** While an error that nobody caught is about to end the process. */
let crashing = false;
const exitHooks: (() => void)[] = [];
const handles = new Map<EventDeclaration, EventHandle>();

/** The handle of an event type in this thread; the same for the same declaration. */
export function eventHandle<const D extends EventDeclaration>(declaration: D): EventHandle<D> {
  let handle = handles.get(declaration) as EventHandle<D> | undefined;
  if (handle === undefined) {
    handle = new EventHandle(declaration);
    handles.set(declaration, handle as unknown as EventHandle);
    const bound = attached();
    if (bound !== undefined) handle.bind(bound);
    else if (!isMainThread) awaitArena();
  }
  return handle;
}

/** Names the calling thread in recordings; call it before the thread's first event handle. */
export function setThreadName(name: string): void {
  threadName = name;
}

/**
 * Sets sizes and places for the recorder of this process, before the first recording is made. Throws
 * RECORDER_WRONG_STATE afterwards.
 */
export function configureRecorder(changes: Partial<RecorderOptions>): void {
  if (control !== undefined) {
    throw new RecorderError('RECORDER_WRONG_STATE', 'the recorder has started already', {
      hint: 'configure it before the first recording is made',
    });
  }
  const wanted = { ...options, ...changes };
  checkSizes(wanted);
  options = wanted;
}

/** Has something done in this thread before its part of the recording ends with it. */
export function beforeEnd(hook: () => void): void {
  exitHooks.push(hook);
}

function runExitHooks(): void {
  for (const hook of exitHooks) hook();
}

/** Ends all recordings as at the end of the process, with the files they were to write. */
export function completeRecordings(): void {
  if (control === undefined || completed) return;
  completed = true;
  runExitHooks();
  try {
    control.ask({ op: 'exit', crashed: crashing }, binding?.writer.slot);
  } catch (error) {
    // the end of the process is no place to fail: its exit code is the application's
    process.stderr.write(`the flight recorder did not end well: ${(error as Error).message}\n`);
  }
}

/** The line to the recorder thread; started by the first call. */
export function recorderControl(): Control {
  control ??= new Control(options, { started: announce, ended: () => completed });
  return control;
}

/** What this thread shares with the recorder; undefined where there is none or no slot is left. */
export function threadBinding(): ThreadBinding | undefined {
  return attached();
}

/** Name of the channel on which the recorder of a process announces itself. */
const CHANNEL = '@rekindle/recorder arena';
let announcements: BroadcastChannel | undefined;
/** Whether it was said that this thread found no slot. */
let crowded = false;

/** Waits for a recorder that starts after this thread did; does not keep the thread alive. */
function awaitArena(): void {
  if (announcements !== undefined) return;
  announcements = new BroadcastChannel(CHANNEL);
  announcements.onmessage = (event: unknown) => {
    const { data } = event as { data: unknown };
    if (binding === undefined && data instanceof SharedArrayBuffer) attach(new Arena(data));
    announcements?.close();
  };
  (announcements as unknown as { unref(): void }).unref();
}

/** Tells the threads that run and those that start later of the recorder, and attaches this one. */
function announce(arena: Arena): void {
  setEnvironmentData(ENVIRONMENT_KEY, arena.buffer);
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage(arena.buffer);
  channel.close();
  attach(arena);
  process.once('exit', completeRecordings);
  process.on('uncaughtExceptionMonitor', () => {
    crashing = true;
    // the application has a handler of its own, and lives
    setImmediate(() => {
      crashing = false;
    }).unref();
  });
}

function attached(): ThreadBinding | undefined {
  if (binding !== undefined) return binding;
  const buffer = getEnvironmentData(ENVIRONMENT_KEY) as unknown;
  if (buffer instanceof SharedArrayBuffer) attach(new Arena(buffer));
  return binding;
}

function attach(arena: Arena): void {
  const writer = attachThread(arena, threadName ?? defaultName());
  // All slots are taken: this thread goes unrecorded rather than failing the application.
  if (writer === undefined) {
    if (!crowded) {
      process.emitWarning(
        `the flight recorder has no room for another thread: ${threadName ?? defaultName()} goes ` +
          `unrecorded (${arena.shape.slots} slots, see configureRecorder)`,
      );
    }
    crowded = true;
    return;
  }
  const osThread = arena.words[arena.slot(writer.slot) + 1]!;
  binding = {
    arena,
    writer,
    types: new SharedTypes(arena, osThread),
    constants: new ThreadConstants(writer, arena.words[WORD.stackDepth]!),
  };
  if (!isMainThread) {
    process.once('exit', () => {
      runExitHooks();
      writer.detach();
    });
  }
  for (const handle of handles.values()) handle.bind(binding);
}

function defaultName(): string {
  return isMainThread ? 'main' : `worker-${threadId}`;
}
