// SPDX-License-Identifier: Apache-2.0
// Socket reads and writes of node:net: a read is a piece of data that arrived (its time is the handling
// of it), a write lasts until the kernel has taken the data.
import { executionAsyncId } from 'node:async_hooks';
import { Socket } from 'node:net';
import { now } from '../clock.ts';
import { SocketRead, SocketWrite } from '../jdk-events.ts';
import type { Source } from './source.ts';
import { unwrapAll, wrap } from './wrap.ts';

interface Peer {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly _host?: string | null;
}

export const sockets: Source = {
  name: 'sockets',
  events: [SocketRead, SocketWrite],
  cost: '0.3 µs a piece below the threshold',
  start(context) {
    const reads = context.handle(SocketRead);
    const writes = context.handle(SocketWrite);
    const { threadKey } = context;
    const peer = (socket: Peer): [host: string, address: string, port: number] => {
      const { remoteAddress = '', remotePort = 0, _host } = socket;
      return [_host ?? remoteAddress, remoteAddress, remotePort];
    };
    const wrapped = [
      wrap(Socket.prototype, 'push', (original) => {
        return function (this: unknown, ...args: unknown[]): unknown {
          const start = now();
          const result = original.apply(this, args);
          const duration = now() - start;
          if (reads.shouldCommit(duration)) {
            const [data] = args;
            const size = ArrayBuffer.isView(data) ? data.byteLength : 0;
            const [host, address, port] = peer(this as Peer);
            const end = data === null;
            reads.commit(start, duration, threadKey, null, host, address, port, 0, size, end);
          }
          return result;
        };
      }),
      wrap(Socket.prototype, '_writeGeneric', (original) => {
        return function (this: unknown, ...args: unknown[]): unknown {
          const done = args.at(-1);
          if (typeof done !== 'function') return original.apply(this, args);
          const start = now();
          // asking the socket for its count here would read a queue that is being changed
          const size = sizeOf(args[1], args[2]);
          const from = writes.tellsAsyncContext ? executionAsyncId() : undefined;
          args[args.length - 1] = (...results: unknown[]): unknown => {
            const duration = now() - start;
            if (writes.shouldCommit(duration)) {
              const [host, address, port] = peer(this as Peer);
              writes.commitIn(from, start, duration, threadKey, null, host, address, port, size);
            }
            return done(...results);
          };
          return original.apply(this, args);
        };
      }),
    ];
    return () => unwrapAll(wrapped);
  },
};

/** Bytes of what is written: a chunk, or an array of them with their encodings. */
function sizeOf(data: unknown, encoding: unknown): number {
  if (Array.isArray(data)) {
    return data.reduce((sum: number, item: { chunk?: unknown; encoding?: unknown } | null) => {
      return sum + (item === null ? 0 : sizeOf(item.chunk ?? item, item.encoding));
    }, 0);
  }
  if (typeof data === 'string') return Buffer.byteLength(data, encoding as BufferEncoding);
  return ArrayBuffer.isView(data) ? data.byteLength : 0;
}
