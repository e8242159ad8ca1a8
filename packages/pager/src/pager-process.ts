// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { closeDescriptor, unixPair } from '@rekindle/linux';
import { type PagerRequest, sendRequest } from './control-channel.ts';
import { type Deferred, deferred } from './deferred.ts';
import { MessageReader, type PagerNews } from './notice-channel.ts';
import type { PagerOptions } from './options.ts';
import { PagerError } from './pager-error.ts';
import { ServedVm, type VmServer } from './served-vm.ts';
import type { PagerHandle } from './spawn.ts';

/** The entry of the process: always the compiled one, also when this runs from source. */
const ENTRY = fileURLToPath(
  new URL('./main.js', import.meta.url.replace('/pager/src/', '/pager/dist/')),
);

const STDERR_KEPT = 4096;
/** A successor that dies within this time counts as a failure, milliseconds. */
const EARLY_DEATH = 500;
/** So many failures in a row: it is not chance, and the VM shall not wait longer. */
const MOST_FAILURES = 4;
/** After so many VMs that shared a process are parted. */
const TRIES_TOGETHER = 2;

/**
 * A pager process for any number of VMs, of one snapshot or of several. Each has a recording, a policy and an end of
 * its own; they share the process's start and memory, and its view of a memory file that several read.
 *
 * Should the process die, another one takes over all its VMs. Should that die at once and again, each VM gets a process
 * of its own: only the one is lost that cannot be served.
 */
export class PagerProcess implements VmServer {
  readonly #ended: Deferred<void> = deferred();
  readonly #vms = new Map<number, ServedVm>();
  /** For one VM, which may block the thread. */
  #alone = false;
  #child: ChildProcess | undefined;
  #pid = Number.NaN;
  #control = -1;
  #certificates = false;
  #numbers = 0;
  #last = false;
  #killed = false;
  #words = '';
  #started = 0;
  #failures = 0;

  /** @throws PagerError OPTIONS for options that cannot work, SOCKET_IN_USE */
  static forOne(options: PagerOptions): PagerHandle {
    const process = new PagerProcess();
    process.#alone = true;
    const handle = process.serve(options);
    process.close();
    return handle;
  }

  /**
   * Serves one VM more; the process is started with the first.
   * @throws PagerError OPTIONS for options that cannot work, SOCKET_IN_USE
   */
  serve(options: PagerOptions): PagerHandle {
    if (this.#last) throw new PagerError('OPTIONS', 'this process takes no other VM', 'pager');
    // What a process knows of certificates it has read when it started.
    const late = this.#child !== undefined && needsCertificates(options) && !this.#certificates;
    if (late) return PagerProcess.forOne(options);
    const vm = new ServedVm(options, this);
    this.#ask(vm);
    return vm;
  }

  /** No VM will come any more: the process ends with the last one. */
  close(): void {
    if (this.#last) return;
    this.#last = true;
    this.#send({ last: true });
  }

  /**
   * Of the process, or of the last one; NaN: none could be started. Never a number that kill(2) takes for more
   * than one process, as it does 0 and those below.
   */
  get pid(): number {
    return this.#pid;
  }

  stop(vm: ServedVm): void {
    for (const number of this.#numbersOf(vm)) this.#send({ stop: number });
  }

  drop(vm: ServedVm): void {
    if (this.#alone && this.#child !== undefined) {
      this.#killed = true;
      this.#child.kill('SIGKILL');
      return;
    }
    for (const number of this.#numbersOf(vm)) this.#send({ drop: number });
    vm.fail(new PagerError('PAGER_DIED', 'its service was ended', vm.options.memoryPath), false);
  }

  released(): Promise<void> {
    return this.#alone ? this.#ended.promise : Promise.resolve();
  }

  #numbersOf(vm: ServedVm): number[] {
    return [...this.#vms].filter(([, served]) => served === vm).map(([number]) => number);
  }

  #ask(vm: ServedVm): void {
    const wanted = vm.request();
    if (wanted === undefined) return;
    vm.server = this;
    if (this.#child === undefined) this.#start(needsCertificates(vm.options));
    const serve = ++this.#numbers;
    this.#vms.set(serve, vm);
    this.#send({ serve, alone: this.#alone, ...wanted.request }, wanted.descriptors);
  }

  #send(request: PagerRequest, descriptors: readonly number[] = []): void {
    if (this.#control < 0) return;
    try {
      sendRequest(this.#control, request, descriptors);
    } catch (error) {
      // It has just died: its successor is asked.
      if ((error as { code?: string }).code !== 'EPIPE') throw error;
    }
  }

  #start(certificates: boolean): void {
    const [theirs, ours] = unixPair();
    this.#control = ours;
    this.#certificates = certificates;
    this.#words = '';
    this.#started = performance.now();
    const child = spawn(process.execPath, [ENTRY], {
      stdio: ['ignore', 'pipe', 'pipe', theirs],
      env: environmentWith(certificates),
    });
    closeDescriptor(theirs);
    const messages = new MessageReader();
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      for (const { vm, ...news } of messages.push(text)) this.#take(vm, news);
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-STDERR_KEPT);
    });
    child.on('error', ({ message }) => {
      this.#words += message;
    });
    child.on('close', (code, signal) => this.#died(code, signal));
    this.#child = child;
    this.#pid = child.pid ?? Number.NaN;
  }

  #take(number: number, news: PagerNews): void {
    const vm = this.#vms.get(number);
    if (news.event === 'done' || news.event === 'failed') this.#vms.delete(number);
    vm?.take(news);
  }

  /** The process has ended, with or without VMs that need another. */
  #died(code: number | null, signal: NodeJS.Signals | null): void {
    closeDescriptor(this.#control);
    this.#control = -1;
    this.#child = undefined;
    const left = [...this.#vms.values()].filter((vm) => !vm.over);
    this.#vms.clear();
    const early = performance.now() - this.#started < EARLY_DEATH;
    this.#failures = early ? this.#failures + 1 : 0;
    if (left.length === 0 || this.#killed || this.#failures >= MOST_FAILURES) {
      for (const vm of left) vm.fail(this.#reason(vm, code, signal));
      this.#ended.resolve();
      return;
    }
    const apart = left.length > 1 && this.#failures >= TRIES_TOGETHER;
    for (const vm of left) {
      vm.replace();
      if (apart) PagerProcess.#adopt(vm);
      else this.#ask(vm);
    }
    if (this.#last) this.#send({ last: true });
  }

  static #adopt(vm: ServedVm): void {
    const process = new PagerProcess();
    process.#alone = true;
    process.#ask(vm);
    process.close();
  }

  #reason(vm: ServedVm, code: number | null, signal: NodeJS.Signals | null): PagerError {
    const how = signal === null ? `exit status ${code}` : signal;
    const words = this.#words.trim();
    return new PagerError(
      'PAGER_DIED',
      `the pager ended unexpectedly (${how})${words === '' ? '' : `: ${words}`}`,
      vm.options.memoryPath,
      signal === 'SIGBUS'
        ? 'the memory file was cut short or its disk failed while it was being served'
        : 'its VM was killed, because it would have hung',
    );
  }
}

const needsCertificates = ({ memoryPath }: PagerOptions): boolean => /^https:/i.test(memoryPath);

/**
 * Node.js parses the certificates of NODE_EXTRA_CA_CERTS whenever it starts, which can take longer than all
 * else of its start; only a memory that comes by https needs them.
 */
function environmentWith(certificates: boolean): NodeJS.ProcessEnv {
  if (certificates) return process.env;
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}
