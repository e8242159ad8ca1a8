// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { QmpClient, type QmpRequest } from './qmp.ts';

const GREETING =
  '{"QMP":{"version":{"qemu":{"micro":22,"minor":2,"major":7},"package":"Debian"},"capabilities":["oob"]}}\r\n';

let directory: string;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'qmp-'));
});

afterEach(() => {
  server?.close();
  rmSync(directory, { recursive: true });
});

/** A monitor that answers each command by what `answer` writes. */
async function monitor(
  answer: (command: string, id: number, socket: Socket) => void,
  greeting = GREETING,
): Promise<string> {
  const path = join(directory, 'qmp.sock');
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(greeting);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const { execute, id } = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        if (execute === 'qmp_capabilities') socket.write(`{"return":{},"id":${id}}\r\n`);
        else answer(execute, id, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return path;
}

test('answers go to the command that asked, whatever their order and however the bytes are cut', async () => {
  const held: string[] = [];
  const path = await monitor((command, id, socket) => {
    const result =
      command === 'query-status' ? '{"status":"paused","running":false}' : '{"actual":4096}';
    held.push(`{"return":${result},"id":${id}}\r\n`);
    if (held.length < 2) return;
    const bytes = `{"event":"STOP","timestamp":{}}\r\n${held.reverse().join('')}`;
    for (const byte of bytes) socket.write(byte);
  });
  const seen: QmpRequest[] = [];
  const client = await QmpClient.connect(path, { onRequest: (request) => seen.push(request) });
  expect(client.version).toBe('7.2.22');
  let stops = 0;
  client.on('STOP', () => stops++);
  const [status, balloon] = await Promise.all([
    client.execute('query-status'),
    client.execute('query-balloon'),
  ]);
  expect(status).toEqual({ status: 'paused', running: false });
  expect(balloon).toEqual({ actual: 4096 });
  expect(stops).toBe(1);
  expect(seen.map((request) => request.command)).toEqual([
    'qmp_capabilities',
    'query-balloon',
    'query-status',
  ]);
  client.close();
});

test('a refusal carries the command and QEMU’s own words', async () => {
  const path = await monitor((_command, id, socket) => {
    socket.write(
      `{"error":{"class":"GenericError","desc":"There's a migration process in progress"},"id":${id}}\r\n`,
    );
  });
  const client = await QmpClient.connect(path);
  await expect(client.execute('cont')).rejects.toMatchObject({
    code: 'VMM_REFUSED',
    message: "QMP cont: There's a migration process in progress",
  });
  client.close();
});

test('silence ends in a timeout, a closed connection fails what waits and what follows', async () => {
  const path = await monitor((command, _id, socket) => {
    if (command === 'stop') socket.destroy();
  });
  const client = await QmpClient.connect(path, { timeoutMs: 50 });
  await expect(client.execute('cont')).rejects.toMatchObject({ code: 'VMM_TIMEOUT' });
  await expect(client.execute('stop')).rejects.toMatchObject({ code: 'VMM_GONE' });
  await expect(client.execute('cont')).rejects.toMatchObject({ code: 'VMM_GONE' });
});

test.each([
  ['nothing at all', '', 'VMM_TIMEOUT'],
  ['text', 'SSH-2.0-OpenSSH\r\n', 'VMM_GONE'],
  ['other JSON', '[1,2]\n', 'VMM_GONE'],
])('a peer that greets with %s is refused', async (_what, greeting, code) => {
  const path = await monitor(() => {}, greeting);
  await expect(QmpClient.connect(path, { timeoutMs: 100 })).rejects.toMatchObject({ code });
});

test('garbage after the greeting ends the connection instead of hanging', async () => {
  const path = await monitor((_command, _id, socket) => {
    socket.write('{"return": tru\n');
  });
  const client = await QmpClient.connect(path);
  await expect(client.execute('stop')).rejects.toMatchObject({ code: 'VMM_GONE' });
});

test('no socket: one clear error', async () => {
  await expect(QmpClient.connect(join(directory, 'absent'))).rejects.toMatchObject({
    code: 'VMM_GONE',
  });
});
