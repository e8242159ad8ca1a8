// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import type { Endpoint, PortForward } from './engine.ts';
import { errnoOf, MicrovmError } from './error.ts';

export const LOOPBACK = '127.0.0.1';

/** Binds every port for a moment, all at once: asked-for ones must be free, the others are picked by the kernel. */
export async function reservePorts(forwards: readonly PortForward[]): Promise<Endpoint[]> {
  const held: { endpoint: Endpoint; release: () => Promise<void> }[] = [];
  try {
    for (const forward of forwards) held.push(await hold(forward));
    return held.map(({ endpoint }) => endpoint);
  } finally {
    await Promise.all(held.map(({ release }) => release()));
  }
}

function hold(forward: PortForward): Promise<{ endpoint: Endpoint; release: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      reject(
        errnoOf(error) === 'EADDRINUSE' || errnoOf(error) === 'EACCES'
          ? portTaken(forward.hostPort, error)
          : error,
      );
    });
    server.listen({ host: LOOPBACK, port: forward.hostPort ?? 0, exclusive: true }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({
        endpoint: { guestPort: forward.guestPort, host: LOOPBACK, port },
        release: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
}

export function portTaken(port: number | undefined, cause?: unknown): MicrovmError {
  const denied = errnoOf(cause) === 'EACCES';
  return new MicrovmError(
    'PORT_TAKEN',
    `port ${port ?? ''} of ${LOOPBACK} ${denied ? 'may not be used' : 'is taken'}`,
    {
      place: `${LOOPBACK}:${port ?? ''}`,
      hint: 'name another port, or none to get a free one',
      cause,
    },
  );
}
