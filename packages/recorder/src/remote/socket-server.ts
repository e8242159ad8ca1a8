// SPDX-License-Identifier: Apache-2.0
// Requests of the same user over a Unix socket: a JSON line each, a JSON line back.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { RecorderError } from '../error.ts';
import { reason } from '../file-sink.ts';
import type { Request } from '../protocol.ts';
import { describeSources } from '../vm-events.ts';

const OPERATIONS: ReadonlySet<string> = new Set([
  'new',
  'configure',
  'start',
  'stop',
  'close',
  'info',
  'dump',
  'list',
  'flush',
  'types',
  'repository',
]);

export interface SocketAnswer {
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export async function serveSocket(
  path: string,
  ask: (request: Request) => Promise<unknown>,
): Promise<void> {
  const server = createServer((connection) => {
    connection.on('error', () => connection.destroy());
    const lines = createInterface({ input: connection });
    lines.on('line', (line) => {
      void respond(line, ask).then((answer) => connection.write(`${JSON.stringify(answer)}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

async function respond(
  line: string,
  ask: (request: Request) => Promise<unknown>,
): Promise<SocketAnswer> {
  try {
    const request = JSON.parse(line) as Request | { readonly op: 'sources' };
    // the control thread runs on the same Node.js as the program
    if (request.op === 'sources') return { value: describeSources() };
    if (!OPERATIONS.has(request.op)) {
      throw new RecorderError('RECORDER_BAD_OPTION', `no request "${request.op}"`);
    }
    return { value: (await ask(request)) ?? null };
  } catch (error) {
    const known = error instanceof RecorderError ? error : undefined;
    return {
      error: {
        code: known?.code ?? 'RECORDER_BAD_OPTION',
        message: reason(error),
        ...(known?.hint === undefined ? {} : { hint: known.hint }),
      },
    };
  }
}
