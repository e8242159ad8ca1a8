// SPDX-License-Identifier: Apache-2.0
// The recorder thread rings when settings have changed or threads are asked for something; they look then
// (arena.ts says at what). A thread that looked by itself, four times a second, would never rest.
import { BroadcastChannel } from 'node:worker_threads';

const CHANNEL = '@rekindle/recorder bell';

/** The recorder thread's end; it needs no event loop there. */
export class Bell {
  readonly #channel = new BroadcastChannel(CHANNEL);

  ring(): void {
    this.#channel.postMessage(0);
  }
}

/** Calls a function in this thread whenever it rings; does not keep the thread alive. */
export function onBell(listener: () => void): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = listener;
  (channel as unknown as { unref(): void }).unref();
}
