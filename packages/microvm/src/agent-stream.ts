// SPDX-License-Identifier: Apache-2.0
// Reads lines and counted bytes from a socket, one reader at a time.
import type { Socket } from 'node:net';

export class SocketReader {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #wake: (() => void) | undefined;
  #ended = false;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#chunks.push(bytes);
      this.#length += bytes.length;
      this.#wakeUp();
    });
    socket.on('error', (error) => {
      this.#error = error;
      this.#wakeUp();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wakeUp();
    });
  }

  /** False once the peer is gone: the next read fails. */
  get open(): boolean {
    return !this.#ended && this.#error === undefined && !this.#socket.destroyed;
  }

  /** Exactly `count` bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.#length < count) await this.#more();
    const all = this.#join();
    this.#keep(all.subarray(count));
    return all.subarray(0, count);
  }

  /** Up to the next newline, without it. `limit` keeps a peer from filling our memory. */
  async line(limit: number): Promise<string> {
    for (;;) {
      const all = this.#join();
      const end = all.indexOf(10);
      if (end >= 0 && end <= limit) {
        this.#keep(all.subarray(end + 1));
        return all.toString('utf8', 0, end);
      }
      if (all.length > limit) throw new RangeError(`a line of more than ${limit} bytes`);
      await this.#more();
    }
  }

  /** Throws away everything up to and with `mark`. Returns how much came before it. */
  async skipPast(mark: Buffer): Promise<number> {
    let skipped = 0;
    for (;;) {
      const all = this.#join();
      const at = all.indexOf(mark);
      if (at >= 0) {
        this.#keep(all.subarray(at + mark.length));
        return skipped + at;
      }
      // The mark may be cut in two by the end of what has come so far.
      const safe = Math.max(0, all.length - mark.length + 1);
      skipped += safe;
      this.#keep(all.subarray(safe));
      await this.#more();
    }
  }

  #join(): Buffer {
    if (this.#chunks.length !== 1) this.#keep(Buffer.concat(this.#chunks, this.#length));
    return this.#chunks[0]!;
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  async #more(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#ended) throw new Error('the connection was closed');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
