// SPDX-License-Identifier: Apache-2.0
// HTTP requests as events, of clients that wait for their answers and of one that does not.
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { httpServer } from './http.ts';
import type { SourceContext } from './source.ts';

interface Told {
  readonly path: unknown;
  readonly millis: number;
}

/** The source with a handle that keeps what it is told. */
function begin(): { readonly told: Told[]; readonly stop: () => void } {
  const told: Told[] = [];
  const handle = {
    tellsAsyncContext: false,
    shouldCommit: () => true,
    commitIn: (_context: number, _start: number, duration: number, _method: string, path: string) =>
      told.push({ path, millis: duration / 1e6 }),
  };
  const context = { handle: () => handle } as unknown as SourceContext;
  return { told, stop: httpServer.start(context) as () => void };
}

const server = createServer((request, response) => {
  // /N answers after N milliseconds
  setTimeout(() => response.end('answer'), Number(request.url!.slice(1)));
});
afterEach(() => new Promise<void>((closed) => server.close(() => closed())));

/** A connection; `ask` sends requests at once and waits for all answers. */
async function connection() {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let said = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const send = (...millis: number[]): void => {
    socket.write(millis.map((time) => `GET /${time} HTTP/1.1\r\nhost: a\r\n\r\n`).join(''));
  };
  const answered = async (count: number): Promise<void> => {
    while (said.split('200 OK').length <= count) {
      await new Promise((turn) => setTimeout(turn, 5));
    }
  };
  return { send, answered, end: () => socket.destroy() };
}

describe('requests of a server', () => {
  it('are told each with its own time, one after the other and all at once', async () => {
    const { told, stop } = begin();
    const { send, answered, end } = await connection();
    send(40);
    await answered(1);
    // the second is ready first, and has to wait
    send(60, 0, 10);
    await answered(4);
    stop();
    end();
    expect(told.map(({ path }) => path)).toEqual(['/40', '/60', '/0', '/10']);
    const [first, second] = told.map(({ millis }) => millis);
    expect(first).toBeGreaterThan(35);
    expect(second).toBeGreaterThan(55);
  });

  it('are not told where their beginning, or another one’s end, was not seen', async () => {
    const { send, answered, end } = await connection();
    send(50, 51);
    await new Promise((turn) => setTimeout(turn, 20));
    const first = begin();
    await answered(2);
    expect(first.told).toEqual([]);
    send(50);
    await new Promise((turn) => setTimeout(turn, 20));
    first.stop();
    await answered(3);
    const second = begin();
    send(1);
    await answered(4);
    second.stop();
    end();
    expect(first.told).toEqual([]);
    expect(second.told.map(({ path }) => path)).toEqual(['/1']);
  });
});
