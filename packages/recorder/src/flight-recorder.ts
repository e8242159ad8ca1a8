// SPDX-License-Identifier: Apache-2.0
// The one recorder of a process, as a thread sees it: the shared memory, this thread's slot in it, the
// handles waiting for both, and - in the thread that started it - the line to the recorder thread.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BroadcastChannel,
  getEnvironmentData,
  isMainThread,
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  setEnvironmentData,
  threadId,
  Worker,
} from 'node:worker_threads';
import type { EventDeclaration } from '@rekindle/jfr';
import { Arena, createArena, WORD } from './arena.ts';
import { ThreadConstants } from './constants.ts';
import { RecorderError, type RecorderErrorCode } from './error.ts';
import { EventHandle, type ThreadBinding } from './handle.ts';
import { checkSizes, DEFAULT_OPTIONS, type RecorderOptions } from './options.ts';
import { processFacts } from './process-facts.ts';
import type { Answer, Notice, Request } from './protocol.ts';
import { stamp } from './stamp.ts';
import { attachThread } from './thread.ts';
import { SharedTypes } from './types.ts';
import { wait } from './wait.ts';
import type { WorkerInput } from './worker.ts';

/** Name under which worker threads find the arena. */
const ENVIRONMENT_KEY = '@rekindle/recorder arena';
/** Milliseconds that the recorder thread may take to start, or to answer. */
const START_TIMEOUT = 30_000;
const ANSWER_TIMEOUT = 120_000;

let binding: ThreadBinding | undefined;
let control: Control | undefined;
let options: RecorderOptions = DEFAULT_OPTIONS;
let threadName: string | undefined;
let completed = false;
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
    control.ask({ op: 'exit' });
  } catch (error) {
    // the end of the process is no place to fail: its exit code is the application's
    process.stderr.write(`the flight recorder did not end well: ${(error as Error).message}\n`);
  }
}

/** The line to the recorder thread; started by the first call. */
export function recorderControl(): Control {
  control ??= new Control();
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

type Listener = (notice: Notice) => void;

/** Asks the recorder thread, waiting for the answer or not. */
export class Control {
  readonly directory: string;
  readonly #arena: Arena;
  readonly #port: MessagePort;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #serial = 0;

  constructor() {
    const { slots, threadBufferSize, globalBufferCount, globalBufferSize } = options;
    this.#arena = createArena({
      slots,
      threadBytes: threadBufferSize,
      globals: globalBufferCount,
      globalBytes: globalBufferSize,
    });
    this.#arena.words[WORD.stackDepth] = options.stackDepth;
    this.directory = join(options.repository ?? tmpdir(), `${stamp(new Date())}_${process.pid}`);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const input: WorkerInput = {
      arena: this.#arena.buffer,
      port: port2,
      directory: this.directory,
      facts: processFacts(options.maskSecrets),
      maxChunkSize: options.maxChunkSize,
      preserveRepository: options.preserveRepository,
    };
    // Threads run what the build made of the sources, in tests as well.
    const entry = new URL('./worker.js', import.meta.url.replace('/src/', '/dist/'));
    const worker = new Worker(entry, {
      name: 'rekindle recorder',
      workerData: input,
      transferList: [port2],
      execArgv: [],
      env: {},
      stdout: false,
      stderr: false,
    });
    worker.unref();
    worker.on('error', (error) => this.#hear({ notice: 'trouble', message: String(error) }));
    port1.on('message', (message: Answer | Notice) => this.#receive(message));
    port1.unref();
    const up = wait(this.#arena.words, WORD.alive, 0, START_TIMEOUT);
    if (up === 'timed-out') {
      throw new RecorderError('RECORDER_NO_ANSWER', 'the recorder thread did not start', {
        hint: 'was the package built? Its worker is dist/worker.js',
      });
    }
    // for threads that start later, and for those that run already
    setEnvironmentData(ENVIRONMENT_KEY, this.#arena.buffer);
    const channel = new BroadcastChannel(CHANNEL);
    channel.postMessage(this.#arena.buffer);
    channel.close();
    attach(this.#arena);
    process.once('exit', completeRecordings);
  }

  /** Tells of state changes and of trouble; answers the function that ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A line to the recorder thread for another thread, and the arena to announce requests in. */
  connect(): { port: MessagePort; arena: SharedArrayBuffer } {
    const { port1, port2 } = new MessageChannel();
    this.#port.postMessage({ connect: port2 }, [port2]);
    this.#arena.wake();
    return { port: port1, arena: this.#arena.buffer };
  }

  /** Asks and waits, without the event loop. Throws what the recorder thread threw. */
  ask(request: Request): unknown {
    const serial = this.#send(request);
    const { words } = this.#arena;
    let answer: Answer | undefined;
    this.#waiting.set(serial, (got) => {
      answer = got;
    });
    const deadline = performance.now() + ANSWER_TIMEOUT;
    for (;;) {
      const seen = Atomics.load(words, WORD.reply);
      this.#receiveAll();
      if (answer !== undefined) return answered(answer);
      const left = deadline - performance.now();
      if (left <= 0 || wait(words, WORD.reply, seen, left) === 'timed-out') break;
    }
    this.#waiting.delete(serial);
    throw new RecorderError('RECORDER_NO_ANSWER', `no answer to "${request.op}"`);
  }

  /** Asks, and lets the event loop run until the answer is there. */
  async askLater(request: Request): Promise<unknown> {
    const serial = this.#send(request);
    const answer = await new Promise<Answer>((resolve) => {
      this.#port.ref();
      this.#waiting.set(serial, resolve);
    });
    if (this.#waiting.size === 0) this.#port.unref();
    return answered(answer);
  }

  #send(request: Request): number {
    const serial = ++this.#serial;
    this.#port.postMessage({ serial, request });
    this.#arena.wake();
    return serial;
  }

  #receiveAll(): void {
    for (
      let message = receiveMessageOnPort(this.#port);
      message !== undefined;
      message = receiveMessageOnPort(this.#port)
    ) {
      this.#receive(message.message as Answer | Notice);
    }
  }

  #receive(message: Answer | Notice): void {
    if ('notice' in message) {
      this.#hear(message);
      return;
    }
    const waiting = this.#waiting.get(message.serial);
    this.#waiting.delete(message.serial);
    waiting?.(message);
  }

  #hear(notice: Notice): void {
    if (notice.notice === 'trouble' && this.#listeners.size === 0) {
      const message = `the flight recorder lost data: ${notice.message}`;
      // a warning is printed by the event loop, which does not turn any more at the end
      if (completed) process.stderr.write(`${message}\n`);
      else process.emitWarning(message);
    }
    for (const listener of this.#listeners) listener(notice);
  }
}

function answered(answer: Answer): unknown {
  if (answer.error === undefined) return answer.value;
  const { code, message, hint } = answer.error;
  throw new RecorderError(code as RecorderErrorCode, message, hint === undefined ? {} : { hint });
}
