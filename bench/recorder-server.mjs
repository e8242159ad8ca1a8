// SPDX-License-Identifier: Apache-2.0
// The servers of bench/recorder-servers.ts: `node recorder-server.mjs small|service [opentelemetry|pino]`,
// until its input ends. With a peer, each request is told to that, as a user would wire it. It needs
// --expose-gc.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

/** As little as a server can do: what recording costs is largest beside it. */
function small(request, response) {
  const items = Array.from({ length: 20 }, (_, id) => ({ id, url: request.url, text: 'x'.repeat(id) }));
  send(response, JSON.stringify(items));
}

const STOCK = Array.from({ length: 2000 }, (_, id) => ({
  id,
  name: `item ${(id * 7919) % 2000}`,
  price: (id * 37) % 1000,
  tags: [`t${id % 7}`, `t${id % 11}`],
  available: id % 3 !== 0,
}));
const PAGE = 50;

/** What a service does for a request: parses, filters, sorts, takes a page, serializes, signs. */
function service(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const page = Number(url.searchParams.get('page') ?? 0);
  const found = STOCK.filter((item) => item.available && item.price < 500);
  const sorted = found.toSorted((a, b) => a.price - b.price || a.id - b.id);
  const items = sorted.slice(page * PAGE, (page + 1) * PAGE);
  const text = JSON.stringify({ page, total: found.length, items });
  response.setHeader('etag', createHash('sha256').update(text).digest('base64'));
  send(response, text);
}

function send(response, text) {
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}

/** Tells of each request to somebody else. */
async function told(handler, peer) {
  const { toLogger, toTracer } = await import('./recorder-peers.mjs');
  const tell = peer === 'pino' ? toLogger() : toTracer();
  return (request, response) => {
    const done = tell(request);
    response.once('finish', () => done(response));
    handler(request, response);
  };
}

const [, , kind, peer] = process.argv;
const handler = { small, service }[kind];
const server = createServer(peer === undefined ? handler : await told(handler, peer));
// connections rest while other servers have their turn
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit());
// a line asks for a full collection
process.stdin.on('data', () => {
  globalThis.gc();
  console.log('collected');
});
