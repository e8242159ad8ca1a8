// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { waitForHttp } from './http-probe.ts';
import { NO_LOG } from './log.ts';
import { reservePorts } from './port.ts';

const servers: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function freeUrl(): Promise<{ url: string; port: number }> {
  const [endpoint] = await reservePorts([{ guestPort: 1 }]);
  return { url: `http://127.0.0.1:${endpoint?.port}/`, port: endpoint?.port ?? 0 };
}

test('a service that comes up late is found within milliseconds, every attempt is written down', async () => {
  const { url, port } = await freeUrl();
  let upAt = 0n;
  setTimeout(() => {
    const server = createServer((_request, response) => response.end('hello'));
    servers.push(server);
    server.listen(port, '127.0.0.1', () => {
      upAt = process.hrtime.bigint();
    });
  }, 80);
  const seen: [number, number][] = [];
  const log = {
    ...NO_LOG,
    probe: (_url: string, status: number, n: number) => seen.push([n, status]),
  };
  const answer = await waitForHttp(url, { deadlineMs: 5000, log });
  expect(answer.body).toBe('hello');
  expect(Number(answer.answeredAt - upAt) / 1e6).toBeLessThan(50);
  expect(answer.totalMs).toBeGreaterThan(60);
  expect(answer.attempts).toBeGreaterThan(5);
  expect(seen.at(-1)).toEqual([answer.attempts, 200]);
  expect(seen.slice(0, -1).every(([, status]) => status === 0)).toBe(true);
});

test('wrong answers do not count', async () => {
  const { url, port } = await freeUrl();
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.statusCode = requests < 3 ? 503 : 200;
    response.end(requests < 5 ? 'starting' : 'ready');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const answer = await waitForHttp(url, { deadlineMs: 5000, accept: (body) => body === 'ready' });
  expect(answer).toMatchObject({ status: 200, attempts: 5, body: 'ready' });
});

test('a connection that stays silent does not hold up the next attempt', async () => {
  const { url, port } = await freeUrl();
  let connections = 0;
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    if (++connections === 1) return;
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const answer = await waitForHttp(url, { deadlineMs: 5000, hedgeMs: 30 });
  expect(answer.attempts).toBe(2);
  expect(answer.totalMs).toBeLessThan(1000);
});

test('a guest whose network comes up late: connections that lead nowhere are given up, not waited for', async () => {
  const { url, port } = await freeUrl();
  const start = Date.now();
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    if (Date.now() - start > 400) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const answer = await waitForHttp(url, { deadlineMs: 5000, hedgeMs: 20 });
  expect(answer.totalMs).toBeGreaterThan(390);
  expect(answer.totalMs).toBeLessThan(1500);
});

test('the deadline names what came instead; an abort ends the wait at once', async () => {
  const { url } = await freeUrl();
  await expect(waitForHttp(url, { deadlineMs: 60 })).rejects.toMatchObject({
    code: 'NO_RESPONSE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  const reason = new Error('the VM is gone');
  const wait = waitForHttp(url, { deadlineMs: 60_000, signal: AbortSignal.timeout(30) });
  await expect(wait).rejects.toBeInstanceOf(DOMException);
  await expect(
    waitForHttp(url, { deadlineMs: 60_000, signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason);
});
