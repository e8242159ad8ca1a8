// SPDX-License-Identifier: Apache-2.0
import type { MessagePort } from 'node:worker_threads';
import { Arena } from '../arena.ts';
import { RecorderError, type RecorderErrorCode } from '../error.ts';
import type { Answer, Envelope, Request } from '../protocol.ts';

/** Asks the recorder thread from a thread with an event loop of its own. */
export class RecorderLine {
  readonly #port: MessagePort;
  readonly #arena: Arena;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #serial = 0;

  constructor(port: MessagePort, arena: SharedArrayBuffer) {
    this.#port = port;
    this.#arena = new Arena(arena);
    port.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.serial);
      this.#waiting.delete(answer.serial);
      waiting?.(answer);
    });
  }

  /** Throws what the recorder thread threw. */
  async ask(request: Request): Promise<unknown> {
    const serial = ++this.#serial;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(serial, resolve);
      const envelope: Envelope = { serial, request, handedOver: -1, patient: true };
      this.#port.postMessage(envelope);
      this.#arena.wake();
    });
    if (answer.error === undefined) return answer.value;
    const { code, message, hint } = answer.error;
    throw new RecorderError(code as RecorderErrorCode, message, hint === undefined ? {} : { hint });
  }
}
