// SPDX-License-Identifier: Apache-2.0
// One VM as the process that asked for its pager sees it: what is kept for it, and what its pager told.
import { rmSync } from 'node:fs';
import { closeDescriptor, signalProcess, type UnixListener, unixPair } from '@rekindle/linux';
import type { ServeRequest } from './control-channel.ts';
import { Custody } from './custody.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { PagerNews } from './notice-channel.ts';
import type { PagerSummary } from './notices.ts';
import { type PagerOptions, resolveOptions } from './options.ts';
import { PagerError, type PagerErrorCode } from './pager-error.ts';
import { listenForPeer } from './peer.ts';
import { rescueParts } from './rescue-recording.ts';
import type { PagerHandle, Resumable } from './spawn.ts';

const SIGKILL = 9;

/** What a process is asked to serve. */
export interface Wanted {
  readonly request: Omit<ServeRequest, 'serve' | 'alone'>;
  /** In the order of `given`; they stay ours. */
  readonly descriptors: readonly number[];
}

/** What a VM asks of the process that serves it. */
export interface VmServer {
  readonly pid: number;
  stop(vm: ServedVm): void;
  /** Ends its service at once; it is not to be served again. */
  drop(vm: ServedVm): void;
  /** Resolves when the process has ended, where it ends with the VM; else at once. */
  released(): Promise<void>;
}

export class ServedVm implements PagerHandle {
  readonly options: PagerOptions;
  /** Which process has it changes when one dies. */
  server: VmServer;
  readonly #ready: Deferred<void> = deferred();
  readonly #connected: Deferred<{ pid: number; bytes: number }> = deferred();
  readonly #resumable: Deferred<Resumable> = deferred();
  readonly #done: Deferred<PagerSummary> = deferred();
  readonly #custody: Custody;
  /** Until the first request is sent: the other end of the custody's channel. */
  readonly #toCustody: number;
  /** Kept until its VMM has come, for a successor. */
  #listener: UnixListener | undefined;
  #stopping = false;
  #killed = false;
  #over = false;
  #replaced = 0;

  /** @throws PagerError OPTIONS, SOCKET_IN_USE */
  constructor(options: PagerOptions, server: VmServer) {
    resolveOptions(options);
    this.options = options;
    this.server = server;
    this.#listener = listenForPeer(options.socketPath);
    const [ours, theirs] = unixPair();
    this.#custody = new Custody(ours);
    this.#toCustody = theirs;
  }

  get pid(): number {
    return this.server.pid;
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

  get resumable(): Promise<Resumable> {
    return this.#resumable.promise;
  }

  get done(): Promise<PagerSummary> {
    return this.#done.promise;
  }

  /** Whether it ended, well or not, and nobody has to serve it any more. */
  get over(): boolean {
    return this.#over;
  }

  stop(): void {
    this.#stopping = true;
    this.server.stop(this);
  }

  kill(): void {
    if (this.#over) return;
    this.#killed = true;
    this.server.drop(this);
  }

  /** What to ask of a process; undefined: nothing, because it was killed. */
  request(): Wanted | undefined {
    const { options } = this;
    this.#custody.collect();
    const { takeover, descriptors } = this.#custody;
    if (this.#killed) return undefined;
    if (takeover !== undefined) {
      return { request: { options, takeover, given: takeover.given }, descriptors };
    }
    if (this.#listener === undefined) return undefined;
    return {
      request: { options, given: ['custody', 'listener'] },
      descriptors: [this.#toCustody, this.#listener.fd],
    };
  }

  /** A process serves it where another one died. */
  replace(): void {
    this.#replaced++;
  }

  /** Takes what the pager told. */
  take(news: PagerNews): void {
    if (this.#over) return;
    switch (news.event) {
      case 'listening':
        this.#ready.resolve();
        break;
      case 'connected':
        this.#meet();
        this.#connected.resolve({ pid: news.pid, bytes: news.bytes });
        break;
      case 'took-over':
        this.#meet();
        this.#connected.resolve({ pid: news.pid, bytes: news.bytes });
        // Asked to stop while nobody was there to hear it.
        if (this.#stopping) this.server.stop(this);
        break;
      case 'resumable':
        this.#resumable.resolve({ pages: news.pages, nanos: news.nanos, stalled: news.stalled });
        break;
      case 'done':
        this.#end();
        void this.#complete(news.summary);
        break;
      case 'failed':
        this.fail(new PagerError(news.code as PagerErrorCode, news.message, '', news.hint));
        break;
    }
  }

  /**
   * Nobody can serve it: it is killed, because it could only hang.
   * @param abandoned nobody listens on its socket any more
   */
  fail(error: PagerError, abandoned = true): void {
    if (this.#over) return;
    this.#custody.collect();
    // A recording that breaks off says so when its VM has been served, and may live on by itself.
    const hangs = error.code !== 'RECORDING' && this.#custody.process >= 0;
    if (hangs) signalProcess(this.#custody.process, SIGKILL);
    // Once a VMM has come the path is gone, and may be another pager's.
    if (abandoned && this.#listener !== undefined) rmSync(this.options.socketPath, { force: true });
    this.#end();
    for (const step of [this.#ready, this.#connected, this.#resumable]) step.reject(error);
    void this.#complete(error);
  }

  #meet(): void {
    if (this.#listener === undefined) return;
    this.#listener.release();
    closeDescriptor(this.#toCustody);
    this.#listener = undefined;
  }

  #end(): void {
    this.#over = true;
    this.#meet();
    this.#custody.close();
  }

  /** The recording is whole when `done` settles, also when several pagers wrote it. */
  async #complete(end: PagerSummary | PagerError): Promise<void> {
    try {
      await this.server.released();
      const { recordPath } = this.options;
      if (recordPath !== undefined) await rescueParts(recordPath);
      if (end instanceof Error) this.#done.reject(end);
      else this.#done.resolve(end);
    } catch (error) {
      this.#done.reject(end instanceof Error ? end : (error as Error));
    }
  }
}
