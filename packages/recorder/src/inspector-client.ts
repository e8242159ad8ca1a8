// SPDX-License-Identifier: Apache-2.0
// Evaluates an expression through the inspector of a process: the few pieces of HTTP and WebSocket that
// one request needs (Node.js 20 has no WebSocket client).
import { randomBytes } from 'node:crypto';
import { get, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const HOST = '127.0.0.1';
const OPCODE_TEXT = 1;
const OPCODE_CLOSE = 8;

/** The value of an expression (awaited where it is a promise) in the process behind a port. */
export async function evaluateIn(
  port: number,
  expression: string,
  timeoutMillis: number,
): Promise<unknown> {
  const deadline = Date.now() + timeoutMillis;
  const path = await targetPath(port, deadline);
  const socket = await upgrade(port, path);
  try {
    send(socket, {
      id: 1,
      method: 'Runtime.evaluate',
      params: { expression, includeCommandLineAPI: true, awaitPromise: true, returnByValue: true },
    });
    return await answer(socket, Math.max(1, deadline - Date.now()));
  } finally {
    socket.destroy();
  }
}

/** The inspector comes up a moment after the signal. */
async function targetPath(port: number, deadline: number): Promise<string> {
  for (;;) {
    try {
      const text = await new Promise<string>((resolve, reject) => {
        get({ host: HOST, port, path: '/json/list', timeout: 1000 }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            body += part;
          });
          response.on('end', () => resolve(body));
        }).on('error', reject);
      });
      const [target] = JSON.parse(text) as { webSocketDebuggerUrl?: string }[];
      if (target?.webSocketDebuggerUrl !== undefined) {
        return new URL(target.webSocketDebuggerUrl).pathname;
      }
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error('no inspector came up');
    await sleep(50);
  }
}

async function upgrade(port: number, path: string): Promise<Socket> {
  return new Promise<Socket>((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': key,
      'sec-websocket-version': '13',
    };
    request({ host: HOST, port, path, headers })
      .once('upgrade', (_, socket) => resolve(socket as Socket))
      .once('response', ({ statusCode }) => reject(new Error(`inspector says ${statusCode}`)))
      .once('error', reject)
      .end();
  });
}

/** One masked text frame, as clients must send them. */
function send(socket: Socket, message: object): void {
  const payload = Buffer.from(JSON.stringify(message));
  const mask = randomBytes(4);
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  const masked = payload.map((byte, index) => byte ^ mask[index & 3]!);
  socket.write(Buffer.concat([Buffer.from([0x80 | OPCODE_TEXT]), length, mask, masked]));
}

async function answer(socket: Socket, timeoutMillis: number): Promise<unknown> {
  let bytes = Buffer.alloc(0);
  return new Promise<unknown>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('the inspector does not answer')),
      timeoutMillis,
    );
    const finish = (done: () => void): void => {
      clearTimeout(timer);
      done();
    };
    socket.on('close', () => finish(() => reject(new Error('the inspector hung up'))));
    socket.on('error', (error) => finish(() => reject(error)));
    socket.on('data', (part: Buffer) => {
      bytes = Buffer.concat([bytes, part]);
      for (;;) {
        const frame = takeFrame(bytes);
        if (frame === undefined) return;
        bytes = frame.rest;
        if (frame.opcode === OPCODE_CLOSE) finish(() => reject(new Error('the inspector hung up')));
        if (frame.opcode !== OPCODE_TEXT) continue;
        const message = JSON.parse(frame.payload.toString('utf8')) as Reply;
        if (message.id !== 1) continue;
        const { result, exceptionDetails } = message.result ?? {};
        const failed = exceptionDetails?.exception?.description ?? message.error?.message;
        finish(() => (failed === undefined ? resolve(result?.value) : reject(new Error(failed))));
      }
    });
  });
}

interface Reply {
  readonly id?: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
}

/** The first frame of what has arrived; servers send them unmasked. */
function takeFrame(
  bytes: Buffer<ArrayBuffer>,
): { opcode: number; payload: Buffer; rest: Buffer<ArrayBuffer> } | undefined {
  if (bytes.length < 2) return undefined;
  let length = bytes[1]! & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes.length < at + length) return undefined;
  return {
    opcode: bytes[0]! & 0x0f,
    payload: bytes.subarray(at, at + length),
    rest: bytes.subarray(at + length),
  };
}
