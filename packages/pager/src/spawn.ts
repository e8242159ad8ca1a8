// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closeDescriptor, openProcess, SystemError, signalProcess } from '@rekindle/linux';
import { MessageReader, type PagerMessage } from './notice-channel.ts';
import { type PagerOptions, resolveOptions } from './options.ts';
import { PagerError, type PagerErrorCode } from './pager-error.ts';
import type { PagerSummary } from './serve.ts';

/** A pager in its own process. Every promise rejects with a PagerError when the pager fails. */
export interface PagerHandle {
  readonly pid: number;
  /** It listens: the VMM may be started. */
  readonly ready: Promise<void>;
  /** A VMM has handed its memory over. */
  readonly connected: Promise<{ readonly pid: number; readonly bytes: number }>;
  /** What the policy wants installed before the VM runs is installed: resume now. */
  readonly resumable: Promise<{ readonly pages: number; readonly nanos: number }>;
  /** The VM has ended (or lives on by itself after {@link stop}). */
  readonly done: Promise<PagerSummary>;
  /** Asks it to install the whole memory and to leave the VM to itself; before a VMM came, to end. */
  stop(): void;
  /** Ends it at once. A VM that it serves is killed: it could only hang. */
  kill(): void;
}

/** The entry of the process: always the compiled one, also when this runs from source. */
const ENTRY = fileURLToPath(
  new URL('./main.js', import.meta.url.replace('/pager/src/', '/pager/dist/')),
);

/** Starts a pager. @throws PagerError OPTIONS for options that cannot work */
export function spawnPager(options: PagerOptions): PagerHandle {
  resolveOptions(options);
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new PagerProcess(child, options).handle;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Not everybody waits for every step: a failure must not count as unhandled.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

const SIGKILL = 9;
const STDERR_KEPT = 4096;

class PagerProcess {
  readonly #child: ChildProcess;
  readonly #options: PagerOptions;
  readonly #ready = deferred<void>();
  readonly #connected = deferred<{ pid: number; bytes: number }>();
  readonly #resumable = deferred<{ pages: number; nanos: number }>();
  readonly #done = deferred<PagerSummary>();
  readonly #messages = new MessageReader();
  #words = '';
  #vm = -1;
  #finished = false;

  constructor(child: ChildProcess, options: PagerOptions) {
    this.#child = child;
    this.#options = options;
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      for (const message of this.#messages.push(text)) this.#take(message);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-STDERR_KEPT);
    });
    child.on('error', (error) => this.#fail(new PagerError('PAGER_DIED', error.message)));
    child.on('close', (code, signal) => this.#ended(code, signal));
  }

  get handle(): PagerHandle {
    return {
      pid: this.#child.pid ?? -1,
      ready: this.#ready.promise,
      connected: this.#connected.promise,
      resumable: this.#resumable.promise,
      done: this.#done.promise,
      stop: () => void this.#child.kill('SIGTERM'),
      kill: () => void this.#child.kill('SIGKILL'),
    };
  }

  #take(message: PagerMessage): void {
    switch (message.event) {
      case 'listening':
        this.#ready.resolve();
        break;
      case 'connected':
        this.#watch(message.pid);
        this.#connected.resolve({ pid: message.pid, bytes: message.bytes });
        break;
      case 'resumable':
        this.#resumable.resolve({ pages: message.pages, nanos: message.nanos });
        break;
      case 'done':
        this.#finished = true;
        this.#done.resolve(message.summary);
        break;
      case 'failed':
        this.#fail(
          new PagerError(message.code as PagerErrorCode, message.message, '', message.hint),
        );
        break;
    }
  }

  /** A pidfd cannot be mistaken for a later process with the same number. */
  #watch(pid: number): void {
    if (pid <= 0) return;
    try {
      this.#vm = openProcess(pid);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#finished) {
      if (this.#vm >= 0) signalProcess(this.#vm, SIGKILL);
      rmSync(this.#options.socketPath, { force: true });
      const how = signal === null ? `exit status ${code}` : signal;
      const words = this.#words.trim();
      this.#fail(
        new PagerError(
          'PAGER_DIED',
          `the pager ended unexpectedly (${how})${words === '' ? '' : `: ${words}`}`,
          this.#options.memoryPath,
          signal === 'SIGBUS'
            ? 'the memory file was cut short or its disk failed while it was being served'
            : 'its VM was killed, because it would have hung',
        ),
      );
    }
    if (this.#vm >= 0) closeDescriptor(this.#vm);
    this.#vm = -1;
  }

  #fail(error: PagerError): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const step of [this.#ready, this.#connected, this.#resumable, this.#done]) {
      step.reject(error);
    }
  }
}
