// SPDX-License-Identifier: Apache-2.0
// Serves the page and the files it is to show, on loopback. Every path that exists is in a table made at
// the start; nothing that comes over the wire is ever turned into a path of the file system.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ViewerError } from './error.ts';

export interface ServeOptions {
  /** Files to open when the page loads: recordings, or texts of one run. */
  readonly files: readonly string[];
  /** 0 (the default): any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Where the built page is; the default is this package's own. */
  readonly root?: string;
}

export interface ViewerServer {
  /** Address to open: names the files too. */
  readonly url: string;
  close(): Promise<void>;
}

interface Entry {
  readonly path: string;
  readonly type: string;
  readonly cache: string;
}

/** Scripts and styles from here only, no `eval`, no frames, no other origin: all the page needs. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Starts the server.
 *
 * @throws {ViewerError} `not-built` without the built page, `no-file` for a file that cannot be read,
 * `port-taken`
 */
export async function serveViewer(options: ServeOptions): Promise<ViewerServer> {
  const { files, port = 0, host = '127.0.0.1' } = options;
  const entries = await pageEntries(options.root ?? builtPage());
  const opened: string[] = [];
  for (const [index, path] of files.entries()) {
    await checkFile(path);
    const url = `/files/${index}/${encodeURIComponent(basename(path))}`;
    entries.set(url, { path, type: 'application/octet-stream', cache: 'no-store' });
    opened.push(url);
  }
  const server = createServer((request, response) => {
    answer(request, response, entries, host);
  });
  await listen(server, port, host);
  const { port: actual } = server.address() as AddressInfo;
  const authority = `${host.includes(':') ? `[${host}]` : host}:${actual}`;
  const query = opened.map((url) => `open=${encodeURIComponent(url)}`).join('&');
  return {
    url: `http://${authority}/${query === '' ? '' : `?${query}`}`,
    close: () => close(server),
  };
}

function builtPage(): string {
  return fileURLToPath(new URL('../web/', import.meta.url.replace('/src/', '/dist/')));
}

async function pageEntries(root: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  const names = await readdir(root, { recursive: true }).catch(() => []);
  for (const name of names) {
    const type = TYPES[extname(name)];
    // Names of assets hold a hash of their content.
    const cache = name.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-cache';
    if (type !== undefined) entries.set(`/${name}`, { path: join(root, name), type, cache });
  }
  const index = entries.get('/index.html');
  if (index === undefined) {
    throw new ViewerError('not-built', root, 'the page has not been built', 'run npm run build');
  }
  entries.set('/', index);
  return entries;
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true) return;
  const what = found === undefined ? 'no such file' : 'not a file';
  throw new ViewerError('no-file', path, what, 'give the path of a recording or text');
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  entries: ReadonlyMap<string, Entry>,
  host: string,
): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const entry = entries.get(path);
  if (!isOurs(request.headers.host, host)) refuse(response, 403, 'wrong host');
  else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    refuse(response, 405, 'only GET and HEAD');
  } else if (entry === undefined) refuse(response, 404, 'not found');
  else send(entry, request.method === 'HEAD', response);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function send(entry: Entry, headersOnly: boolean, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': entry.type, 'cache-control': entry.cache });
  if (headersOnly) {
    response.end();
    return;
  }
  const stream = createReadStream(entry.path);
  // Headers are out: a file that cannot be read any more ends the connection, and the page says so.
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** A page of another site whose name was made to resolve to loopback sends that name. */
function isOurs(header: string | undefined, host: string): boolean {
  const name = (header ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const local = ['127.0.0.1', 'localhost', '::1'];
  return local.includes(host) ? local.includes(name) : true;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        const hint = 'give another with --port, or leave it out for any free one';
        reject(new ViewerError('port-taken', `${host}:${port}`, 'the port is taken', hint));
      } else reject(error);
    });
    server.listen(port, host, resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
