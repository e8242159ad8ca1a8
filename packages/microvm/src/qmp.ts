// SPDX-License-Identifier: Apache-2.0
// QMP: one JSON object per line over a Unix socket. The server greets, we leave negotiation mode with
// qmp_capabilities, then every command carries an id that its answer repeats; events come in between.
import { createConnection, type Socket } from 'node:net';
import { MicrovmError } from './error.ts';
import type { QmpCommands, QmpEvents, QmpGreeting } from './qmp-commands.ts';

/** No answer of QEMU is longer than this; a longer line is not QMP. */
const LINE_LIMIT = 16 * 1024 * 1024;

export interface QmpRequest {
  readonly command: string;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly start: bigint;
  /** Undefined when it went well. */
  readonly error: string | undefined;
}

export interface QmpOptions {
  /** For the greeting and for each answer, milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Told of every command once it is answered. */
  readonly onRequest?: ((request: QmpRequest) => void) | undefined;
}

interface Pending {
  readonly command: string;
  readonly start: bigint;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

type Listener = (data: unknown) => void;

/** A connection in command mode. */
export class QmpClient {
  /** QEMU's version, `7.2.22`. */
  readonly version: string;
  readonly #socket: Socket;
  readonly #options: QmpOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #nextId = 1;
  #closed: MicrovmError | undefined;

  private constructor(socket: Socket, version: string, lines: LineReader, options: QmpOptions) {
    this.#socket = socket;
    this.version = version;
    this.#options = options;
    lines.onLine = (line) => this.#receive(line);
    lines.onEnd = (reason) => this.#end(reason);
  }

  /** Waits for the greeting on a connected socket and enters command mode. */
  static async open(socket: Socket, options: QmpOptions = {}): Promise<QmpClient> {
    const lines = new LineReader(socket);
    const greeting = await firstLine(socket, lines, options.timeoutMs ?? 10_000);
    const { qemu } = greeting.QMP.version;
    const version = `${qemu.major}.${qemu.minor}.${qemu.micro}`;
    const client = new QmpClient(socket, version, lines, options);
    await client.execute('qmp_capabilities');
    return client;
  }

  /** Connects to a monitor's socket. */
  static async connect(path: string, options: QmpOptions = {}): Promise<QmpClient> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (error) =>
        reject(
          new MicrovmError('VMM_GONE', `nobody answers at ${path}`, {
            place: path,
            hint: 'see whether the VM still runs: rekindle ps',
            cause: error,
          }),
        ),
      );
    });
    return QmpClient.open(socket, options);
  }

  /** Sends one command; rejects with VMM_REFUSED, VMM_TIMEOUT or VMM_GONE. */
  execute<C extends keyof QmpCommands>(
    command: C,
    ...[args]: QmpCommands[C]['arguments'] extends undefined ? [] : [QmpCommands[C]['arguments']]
  ): Promise<QmpCommands[C]['returns']> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timeoutMs = this.#options.timeoutMs ?? 10_000;
      const timer = setTimeout(() => {
        this.#settle(id, new MicrovmError('VMM_TIMEOUT', `no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, {
        command,
        start: process.hrtime.bigint(),
        resolve: resolve as (value: unknown) => void,
        reject,
        timer,
      });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  /** Calls `listener` for every event of that name; returns the function that ends it. */
  on<E extends keyof QmpEvents>(event: E, listener: (data: QmpEvents[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    set.add(listener as Listener);
    return () => void set.delete(listener as Listener);
  }

  close(): void {
    this.#end('closed by us');
    this.#socket.destroy();
  }

  #receive(line: string): void {
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(line) as Record<string, unknown>;
    } catch {
      this.#end(`not JSON: ${line.slice(0, 80)}`);
      this.#socket.destroy();
      return;
    }
    if (typeof message.event === 'string') {
      for (const listener of [...(this.#listeners.get(message.event) ?? [])]) {
        listener(message.data);
      }
    } else if (typeof message.id === 'number') {
      const error = message.error as { class?: string; desc?: string } | undefined;
      this.#settle(
        message.id,
        error === undefined
          ? undefined
          : new MicrovmError('VMM_REFUSED', error.desc ?? error.class ?? 'refused'),
        message.return,
      );
    }
  }

  #settle(id: number, error: MicrovmError | undefined, value?: unknown): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    this.#options.onRequest?.({
      command: pending.command,
      start: pending.start,
      error: error?.message,
    });
    if (error === undefined) pending.resolve(value);
    else
      pending.reject(
        new MicrovmError(error.code, `QMP ${pending.command}: ${error.message}`, {
          place: pending.command,
          hint: error.hint,
        }),
      );
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = new MicrovmError('VMM_GONE', `the monitor connection ended (${reason})`);
    for (const id of [...this.#pending.keys()]) this.#settle(id, this.#closed);
  }
}

/** Splits a stream into lines; what arrives before `onLine` is set waits. */
class LineReader {
  onEnd: ((reason: string) => void) | undefined;
  #onLine: ((line: string) => void) | undefined;
  #waiting: string[] = [];
  #partial = '';

  constructor(socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (this.#partial + text).split('\n');
      this.#partial = lines.pop() ?? '';
      if (this.#partial.length > LINE_LIMIT) {
        this.onEnd?.('a line without end');
        socket.destroy();
        return;
      }
      for (const line of lines) {
        if (line.trim() === '') continue;
        if (this.#onLine === undefined) this.#waiting.push(line);
        else this.#onLine(line);
      }
    });
    socket.on('error', (error) => this.onEnd?.(error.message));
    socket.on('close', () => this.onEnd?.('closed'));
  }

  set onLine(listener: ((line: string) => void) | undefined) {
    this.#onLine = listener;
    if (listener === undefined) return;
    for (const line of this.#waiting.splice(0)) listener(line);
  }
}

function firstLine(socket: Socket, lines: LineReader, timeoutMs: number): Promise<QmpGreeting> {
  return new Promise((resolve, reject) => {
    const fail = (code: 'VMM_TIMEOUT' | 'VMM_GONE', reason: string): void => {
      clearTimeout(timer);
      lines.onEnd = undefined;
      socket.destroy();
      reject(new MicrovmError(code, `no QMP greeting: ${reason}`));
    };
    const timer = setTimeout(() => fail('VMM_TIMEOUT', `none within ${timeoutMs} ms`), timeoutMs);
    lines.onEnd = (reason) => fail('VMM_GONE', reason);
    lines.onLine = (line) => {
      lines.onLine = undefined;
      let greeting: unknown;
      try {
        greeting = JSON.parse(line);
      } catch {
        greeting = undefined;
      }
      if ((greeting as QmpGreeting | undefined)?.QMP?.version?.qemu === undefined) {
        fail('VMM_GONE', `not a greeting: ${line.slice(0, 80)}`);
        return;
      }
      clearTimeout(timer);
      lines.onEnd = undefined;
      resolve(greeting as QmpGreeting);
    };
  });
}
