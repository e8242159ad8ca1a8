// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { closeDescriptor, signalProcess, unixPair } from '@rekindle/linux';
import { Custody } from './custody.ts';
import { type Deferred, deferred } from './deferred.ts';
import { MessageReader, type PagerMessage } from './notice-channel.ts';
import { type CustodyOptions, type PagerOptions, resolveOptions } from './options.ts';
import { PagerError, type PagerErrorCode } from './pager-error.ts';
import { listenForPeer } from './peer.ts';
import { rescueParts } from './rescue-recording.ts';
import type { PagerSummary } from './serve.ts';

/** A pager in its own process. Every promise rejects with a PagerError when the pager fails. */
export interface PagerHandle {
  /** Of the process that serves now; another one after a replacement. */
  readonly pid: number;
  /** How many pagers died and were replaced. */
  readonly replaced: number;
  /**
   * It is prepared. A VMM may be started before: the socket listens from the beginning, and a connection waits; but
   * not one that shares memory, whose file is made by now.
   */
  readonly ready: Promise<void>;
  /** A VMM has handed its memory over. */
  readonly connected: Promise<{ readonly pid: number; readonly bytes: number }>;
  /** What the policy wants installed before the VM runs is installed: resume now. */
  readonly resumable: Promise<{ readonly pages: number; readonly nanos: number }>;
  /** The VM has ended (or lives on by itself after {@link stop}). */
  readonly done: Promise<PagerSummary>;
  /** Asks it to install the whole memory and to leave the VM to itself; before a VMM came, to end. */
  stop(): void;
  /** Ends it at once, for good. A VM that it serves is killed: it could only hang. */
  kill(): void;
}

/**
 * Starts a pager and watches over it: should its process die while it serves, another one takes over
 * with the descriptors and the ledger that are kept here. Only where that fails the VM is killed.
 * @throws PagerError OPTIONS for options that cannot work, SOCKET_IN_USE
 */
export function spawnPager(options: PagerOptions): PagerHandle {
  resolveOptions(options);
  return new Supervisor(options);
}

/** The entry of the process: always the compiled one, also when this runs from source. */
const ENTRY = fileURLToPath(
  new URL('./main.js', import.meta.url.replace('/pager/src/', '/pager/dist/')),
);

const SIGKILL = 9;
const CUSTODY = 3;
const STDERR_KEPT = 4096;
/** A successor that dies within this time counts as a failure, milliseconds. */
const EARLY_DEATH = 500;
/** So many failures in a row: it is not chance, and the VM shall not wait longer. */
const MOST_FAILURES = 4;

class Supervisor implements PagerHandle {
  readonly #options: PagerOptions;
  readonly #ready: Deferred<void> = deferred();
  readonly #connected: Deferred<{ pid: number; bytes: number }> = deferred();
  readonly #resumable: Deferred<{ pages: number; nanos: number }> = deferred();
  readonly #done: Deferred<PagerSummary> = deferred();
  readonly #custody: Custody;
  #child: ChildProcess;
  #met = false;
  #summary: PagerSummary | undefined;
  #words = '';
  #finished = false;
  /** To the VM's end, or to its independence. */
  #served = false;
  #stopping = false;
  #killed = false;
  #replaced = 0;
  #started = performance.now();
  #failures = 0;

  constructor(options: PagerOptions) {
    this.#options = options;
    const listener = listenForPeer(options.socketPath);
    const [ours, theirs] = unixPair();
    this.#custody = new Custody(ours);
    try {
      const inherited = { custody: CUSTODY, listener: CUSTODY + 1 };
      this.#child = this.#start(inherited, [theirs, listener.fd]);
    } finally {
      closeDescriptor(theirs);
      listener.release();
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get replaced(): number {
    return this.#replaced;
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get connected(): Promise<{ pid: number; bytes: number }> {
    return this.#connected.promise;
  }

  get resumable(): Promise<{ pages: number; nanos: number }> {
    return this.#resumable.promise;
  }

  get done(): Promise<PagerSummary> {
    return this.#done.promise;
  }

  stop(): void {
    this.#stopping = true;
    this.#child.kill('SIGTERM');
  }

  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  #start(custody: CustodyOptions, inherited: readonly number[]): ChildProcess {
    const child = spawn(
      process.execPath,
      [ENTRY, JSON.stringify({ ...this.#options, ...custody })],
      { stdio: ['ignore', 'pipe', 'pipe', ...inherited], env: environmentFor(this.#options) },
    );
    const messages = new MessageReader();
    this.#words = '';
    this.#started = performance.now();
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      for (const message of messages.push(text)) this.#take(message);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-STDERR_KEPT);
    });
    child.on('error', (error) => this.#fail(new PagerError('PAGER_DIED', error.message)));
    child.on('close', (code, signal) => this.#ended(code, signal));
    return child;
  }

  #take(message: PagerMessage): void {
    switch (message.event) {
      case 'listening':
        this.#ready.resolve();
        break;
      case 'connected':
        this.#met = true;
        this.#connected.resolve({ pid: message.pid, bytes: message.bytes });
        break;
      case 'took-over':
        // Asked to stop while nobody was there to hear it.
        if (this.#stopping) this.#child.kill('SIGTERM');
        break;
      case 'resumable':
        this.#resumable.resolve({ pages: message.pages, nanos: message.nanos });
        break;
      case 'done':
        this.#finished = true;
        this.#served = true;
        this.#summary = message.summary;
        break;
      case 'failed':
        this.#leaveSocket();
        this.#fail(
          new PagerError(message.code as PagerErrorCode, message.message, '', message.hint),
        );
        break;
    }
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#finished && !this.#killed && this.#replace()) return;
    this.#custody.collect();
    if (!this.#served && this.#custody.process >= 0) {
      signalProcess(this.#custody.process, SIGKILL);
    }
    this.#leaveSocket();
    if (!this.#finished) {
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
    this.#custody.close();
    void this.#complete();
  }

  /** The recording is whole when `done` resolves, also when several pagers wrote it. */
  async #complete(): Promise<void> {
    try {
      const { recordPath } = this.#options;
      if (recordPath !== undefined) await rescueParts(recordPath);
      if (this.#summary !== undefined) this.#done.resolve(this.#summary);
    } catch (error) {
      this.#done.reject(error as Error);
    }
  }

  /** Starts a successor; false when there is nothing to take over or it has been tried often enough. */
  #replace(): boolean {
    this.#custody.collect();
    const { takeover, descriptors } = this.#custody;
    if (takeover === undefined) return false;
    const early = performance.now() - this.#started < EARLY_DEATH;
    this.#failures = early ? this.#failures + 1 : 0;
    if (this.#failures >= MOST_FAILURES) return false;
    this.#replaced++;
    this.#child = this.#start({ takeover }, descriptors);
    return true;
  }

  /** Nobody listens there any more. Once a VMM has come the path is gone, and may be another pager's. */
  #leaveSocket(): void {
    if (!this.#met) rmSync(this.#options.socketPath, { force: true });
    this.#met = true;
  }

  #fail(error: PagerError): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const step of [this.#ready, this.#connected, this.#resumable, this.#done]) {
      step.reject(error);
    }
  }
}

/**
 * Node.js parses the certificates of NODE_EXTRA_CA_CERTS whenever it starts, which can take longer than all
 * else of its start; only a memory that comes by https needs them.
 */
function environmentFor({ memoryPath }: PagerOptions): NodeJS.ProcessEnv {
  if (/^https:/i.test(memoryPath)) return process.env;
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}
