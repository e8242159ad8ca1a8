// SPDX-License-Identifier: Apache-2.0
// The host's side of the guest agent. The wire is drawn in guest/agent/README.md:
//
//   request    @<token> <words>\n
//   answer     @<token> OK <bytes>\n<payload>
//              @<token> OK *\n  then  <bytes>\n<payload>  repeated, then  0\n
//              @<token> ERR <message>\n
//
// The token is what makes a restored guest safe to talk to: it may go on sending an answer that
// an earlier host asked for, and everything before our own token is thrown away.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { AgentError } from './agent-error.ts';
import { SocketReader } from './agent-stream.ts';

export interface AgentOptions {
  /** Unix socket of the virtio-serial port (QEMU) or of the vsock device (Firecracker). */
  readonly socketPath: string;
  /** For Firecracker: the vsock port to ask for; the agent listens on 5252. */
  readonly vsockPort?: number;
  /** Longest wait for an answer, ms; default 30 000. A guest that boots counts into it. */
  readonly timeoutMs?: number;
}

/** The guest's clocks in nanoseconds. */
export interface GuestClocks {
  readonly realtime: bigint;
  readonly monotonic: bigint;
  readonly boottime: bigint;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: SocketReader;
}

const lineLimit = 4096;
/** No answer is near this: 1 GiB of guest memory takes about 15 MiB of mappings. */
const payloadLimit = 1 << 30;

/** Asks the agent of one guest. Requests wait for each other; a lost connection is made anew. */
export class AgentClient {
  readonly #options: AgentOptions;
  #connection: Connection | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /**
   * Sends one request and returns the payload of its answer.
   * @throws AgentError
   */
  request(words: string, options: { timeoutMs?: number } = {}): Promise<Buffer> {
    const limit = options.timeoutMs ?? this.#options.timeoutMs ?? 30_000;
    const answer = this.#queue.then(() => this.#ask(words, limit));
    this.#queue = answer.catch(() => {});
    return answer;
  }

  async #text(words: string, options?: { timeoutMs?: number }): Promise<string> {
    return (await this.request(words, options)).toString('utf8');
  }

  /** Resolves when the agent answers: the guest is up (not yet its service). */
  ping(options?: { timeoutMs?: number }): Promise<string> {
    return this.#text('ping', options);
  }

  /** fireCRaCer's mem_mapping text: every process, the kernel, the page cache. */
  mappings(): Promise<Buffer> {
    return this.request('mappings');
  }

  /** `f <physical> <pages> <kpageflags>` lines: every page frame, runs of equal flags. */
  frames(): Promise<Buffer> {
    return this.request('frames');
  }

  /** The JVMs of the guest. */
  async javaProcesses(): Promise<{ pid: number; executable: string }[]> {
    const text = await this.#text('java-pids');
    return [...text.matchAll(/^(\d+) (.*)$/gm)].map(([, pid, executable]) => ({
      pid: Number(pid),
      executable: executable!,
    }));
  }

  /** What `jcmd PID command` would print: a line `PID:`, then the JVM's answer. */
  jcmd(pid: number, command: string): Promise<string> {
    return this.#text(`jcmd ${pid} ${command}`);
  }

  /** `jcmd PID VM.native_memory detail`: empty of ranges unless the JVM tracks them. */
  nativeMemory(pid: number): Promise<string> {
    return this.#text(`nmt ${pid}`);
  }

  async clocks(): Promise<GuestClocks> {
    const text = await this.#text('clock');
    const read = (name: string): bigint => {
      const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1];
      if (value === undefined) throw this.#malformed('clock', `no ${name} clock in the answer`);
      return BigInt(value);
    };
    return {
      realtime: read('realtime'),
      monotonic: read('monotonic'),
      boottime: read('boottime'),
    };
  }

  /** Writes the guest's dirty pages out. */
  async sync(): Promise<void> {
    await this.request('sync');
  }

  async dropCaches(): Promise<void> {
    await this.request('drop-caches');
  }

  /** JVMs collect garbage and give memory back, caches are dropped. Says what was done. */
  prepareSnapshot(options?: { timeoutMs?: number }): Promise<string> {
    return this.#text('prepare-snapshot', options);
  }

  /**
   * After a restore: fresh entropy into the kernel's generator, and the wall clock set to the
   * host's.
   */
  async reseed(entropy: Uint8Array = randomBytes(64), setClock = true): Promise<void> {
    const hex = Buffer.from(entropy).toString('hex');
    const now = BigInt(Date.now()) * 1_000_000n;
    await this.request(setClock ? `reseed ${hex} ${now}` : `reseed ${hex}`);
  }

  /** Asks init to stop the guest. It ends some time after the answer. */
  async powerOff(): Promise<void> {
    await this.request('poweroff');
  }

  close(): void {
    this.#connection?.socket.destroy();
    this.#connection = undefined;
  }

  async #ask(words: string, timeoutMs: number): Promise<Buffer> {
    if (/[\n\r]/.test(words) || Buffer.byteLength(words) > lineLimit - 64) {
      throw new AgentError(
        'AGENT_PROTOCOL',
        'a request is one line of less than 4 KiB',
        words.slice(0, 80),
        'Shorten it.',
      );
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `no answer from the guest agent within ${timeoutMs} ms`;
        const hint = 'Is the guest running? Look at its console log.';
        reject(new AgentError('AGENT_TIMEOUT', message, this.#place(words), hint));
      }, timeoutMs);
    });
    const exchange = this.#exchange(words);
    exchange.catch(() => {}); // where the time-out wins, its failure is no news
    try {
      return await Promise.race([exchange, late]);
    } catch (error) {
      // A refusal leaves the connection in order; anything else leaves it in an unknown state.
      if (!(error instanceof AgentError) || error.code !== 'AGENT_REFUSED') this.close();
      throw this.#explain(error, words);
    } finally {
      clearTimeout(timer);
    }
  }

  async #exchange(words: string): Promise<Buffer> {
    const { socket, reader } = await this.#connect();
    const token = randomBytes(8).toString('hex');
    socket.write(`@${token} ${words}\n`);
    await reader.skipPast(Buffer.from(`@${token} `));
    const head = await reader.line(lineLimit);
    if (head.startsWith('ERR ')) throw this.#refused(words, head);
    if (head === 'OK *') return this.#chunks(reader, words);
    const length = /^OK (\d+)$/.exec(head)?.[1];
    if (length === undefined) throw this.#malformed(words, `unexpected answer "${head}"`);
    return reader.bytes(this.#checkLength(Number(length), words));
  }

  async #chunks(reader: SocketReader, words: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    let total = 0;
    for (;;) {
      const head = await reader.line(lineLimit);
      if (head === '0') return Buffer.concat(parts, total);
      if (head.startsWith('ERR ')) throw this.#refused(words, head);
      if (!/^\d+$/.test(head)) throw this.#malformed(words, `unexpected chunk head "${head}"`);
      total = this.#checkLength(total + Number(head), words);
      parts.push(await reader.bytes(Number(head)));
    }
  }

  #checkLength(length: number, words: string): number {
    if (length > payloadLimit) throw this.#malformed(words, `an answer of ${length} bytes`);
    return length;
  }

  async #connect(): Promise<Connection> {
    if (this.#connection?.reader.open) return this.#connection;
    const socket = connect(this.#options.socketPath);
    const reader = new SocketReader(socket);
    // Before anything is awaited, so that close() during the connection ends it.
    this.#connection = { socket, reader };
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
    if (this.#options.vsockPort !== undefined) {
      // Firecracker's docs/vsock.md: CONNECT <port>, answered by OK <host port>.
      socket.write(`CONNECT ${this.#options.vsockPort}\n`);
      const greeting = await reader.line(64);
      if (!greeting.startsWith('OK ')) throw new Error(`vsock: unexpected "${greeting}"`);
    }
    return this.#connection;
  }

  #place(words: string): string {
    return `${this.#options.socketPath}: ${words.slice(0, 80)}`;
  }

  #refused(words: string, head: string): AgentError {
    const hint = 'The guest agent says why; its console log may say more.';
    return new AgentError('AGENT_REFUSED', head.slice(4), this.#place(words), hint);
  }

  #malformed(words: string, message: string): AgentError {
    const hint = 'Rebuild the image: its agent and this client are of different versions.';
    return new AgentError('AGENT_PROTOCOL', message, this.#place(words), hint);
  }

  #explain(error: unknown, words: string): unknown {
    if (error instanceof AgentError) return error;
    if (error instanceof RangeError) return this.#malformed(words, error.message);
    const message = `the guest agent cannot be reached: ${(error as Error).message}`;
    const hint = 'Is the VM running? Its socket is there only while it is.';
    return new AgentError('AGENT_UNREACHABLE', message, this.#place(words), hint, error);
  }
}
