// SPDX-License-Identifier: Apache-2.0
// Lines of JSON with descriptors beside them, on a Unix socket.
import { DescriptorChannel } from '@rekindle/linux';

/** Longest piece of a line at once. One channel serves all: its calls never overlap. */
const CAPACITY = 65536;
let channel: DescriptorChannel | undefined;

/** The channel of this thread; its buffer is overwritten by the next call of anybody. */
export function lineChannel(): DescriptorChannel {
  channel ??= new DescriptorChannel(CAPACITY);
  return channel;
}

/** Sends a value as a line; blocks until it is sent. The caller keeps its own copies of the descriptors. */
export function sendLine(socket: number, value: unknown, descriptors: readonly number[]): void {
  const text = Buffer.from(`${JSON.stringify(value)}\n`);
  const sender = lineChannel();
  let sent = sender.send(socket, text, descriptors);
  while (sent < text.length) sent += sender.send(socket, text.subarray(sent));
}
