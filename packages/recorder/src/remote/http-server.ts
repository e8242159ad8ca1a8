// SPDX-License-Identifier: Apache-2.0
// The Jolokia endpoint: HTTP on the loopback address, a credential required for every request.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Jolokia } from './jolokia.ts';

/** Bytes of a request at most; a .jfc file is the largest thing anyone sends. */
export const MAX_BODY: number = 4 << 20;
/** Answers from this size on are compressed for clients that ask for it. */
const COMPRESS_FROM = 4096;

export interface Credentials {
  /** `Authorization: Bearer TOKEN`, or as the password of Basic authentication with any user. */
  readonly token: string;
  /** User of Basic authentication; any when undefined. */
  readonly user?: string | undefined;
}

export interface HttpOptions {
  readonly jolokia: Jolokia;
  readonly credentials: Credentials;
  readonly host: string;
  readonly port: number;
}

/** Starts the endpoint; answers the server and the port it got. */
export async function serveJolokia(
  options: HttpOptions,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    void answer(options, request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function answer(
  { jolokia, credentials }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (!authorized(request.headers.authorization, credentials)) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="rekindle", charset="UTF-8"' });
      response.end();
      return;
    }
    const path = (request.url ?? '').split('?', 1)[0]!.replace(/\/$/, '');
    if (path !== '/jolokia' && path !== '/jolokia/version') {
      response.writeHead(404).end();
      return;
    }
    if (request.method !== 'POST' && request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET, POST' }).end();
      return;
    }
    let body: unknown = { type: 'version' };
    if (request.method === 'POST') {
      const text = await bodyOf(request);
      if (text === undefined) {
        response.writeHead(413, { connection: 'close' }).end();
        return;
      }
      body = parse(text);
    }
    send(request, response, JSON.stringify(await jolokia.handle(body)));
  } catch {
    // a connection that broke; there is nobody to answer
    response.destroy();
  }
}

function send(request: IncomingMessage, response: ServerResponse, text: string): void {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  };
  const gzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (gzip && text.length >= COMPRESS_FROM) {
    response.writeHead(200, { ...headers, 'content-encoding': 'gzip' });
    response.end(gzipSync(text, { level: 1 }));
  } else {
    response.writeHead(200, headers);
    response.end(text);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Compares in constant time, whatever was sent. */
export function authorized(header: string | undefined, { token, user }: Credentials): boolean {
  const bearer = /^Bearer +(.+)$/i.exec(header ?? '')?.[1];
  if (bearer !== undefined) return same(bearer, token);
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1];
  if (basic === undefined) return false;
  const [name, ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':');
  const right = same(password.join(':'), token);
  return user === undefined ? right : same(name ?? '', user) && right;
}

function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
