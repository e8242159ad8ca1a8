// SPDX-License-Identifier: Apache-2.0
// The line from the thread that started the recorder to the recorder thread, which it starts.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { type Arena, createArena, WORD } from './arena.ts';
import { RecorderError, type RecorderErrorCode } from './error.ts';
import type { RecorderOptions } from './options.ts';
import { processFacts } from './process-facts.ts';
import type { Answer, Envelope, Notice, Request } from './protocol.ts';
import { stamp } from './stamp.ts';
import { wait } from './wait.ts';
import type { WorkerInput } from './worker.ts';

/** Milliseconds that the recorder thread may take to start, or to answer. */
const START_TIMEOUT = 30_000;
const ANSWER_TIMEOUT = 120_000;

/** What the thread that owns the line has to do with it. */
export interface ControlEvents {
  /** The recorder thread runs: time to tell the threads of the process. */
  started(arena: Arena): void;
  /** Whether the process is at its end. */
  ended(): boolean;
}

type Listener = (notice: Notice) => void;

/** Asks the recorder thread, waiting for the answer or not. */
export class Control {
  readonly directory: string;
  readonly #arena: Arena;
  readonly #events: ControlEvents;
  readonly #port: MessagePort;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #serial = 0;

  constructor(options: RecorderOptions, events: ControlEvents) {
    this.#events = events;
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
        hint: 'was the package built (npm run build)? Its worker is dist/worker.js',
      });
    }
    events.started(this.#arena);
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

  /**
   * Asks and waits, without the event loop. Throws what the recorder thread threw. The thread in the slot
   * `handedOver` has handed over what its sources have.
   */
  ask(request: Request, handedOver = -1): unknown {
    const serial = this.#send(request, handedOver, false);
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

  /** As {@link ask}, but lets the event loop run: other threads have time to hand over, too. */
  async askLater(request: Request, handedOver = -1): Promise<unknown> {
    const serial = this.#send(request, handedOver, true);
    const answer = await new Promise<Answer>((resolve) => {
      this.#port.ref();
      this.#waiting.set(serial, resolve);
    });
    if (this.#waiting.size === 0) this.#port.unref();
    return answered(answer);
  }

  #send(request: Request, handedOver: number, patient: boolean): number {
    const serial = ++this.#serial;
    this.#port.postMessage({ serial, request, handedOver, patient } satisfies Envelope);
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
      if (this.#events.ended()) process.stderr.write(`${message}\n`);
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
