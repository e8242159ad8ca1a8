// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { reservePorts } from './port.ts';

test('free ports are different ones, and free again', async () => {
  const endpoints = await reservePorts([{ guestPort: 1 }, { guestPort: 2 }, { guestPort: 3 }]);
  expect(new Set(endpoints.map(({ port }) => port)).size).toBe(3);
  const again = await reservePorts(
    endpoints.map(({ guestPort, port }) => ({ guestPort, hostPort: port })),
  );
  expect(again).toEqual(endpoints);
});

test('a taken port is named, whoever has it', async () => {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    const { port } = server.address() as { port: number };
    await expect(
      reservePorts([{ guestPort: 1 }, { guestPort: 80, hostPort: port }]),
    ).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: `port ${port} of 127.0.0.1 is taken`,
    });
    await new Promise((resolve) => server.close(resolve));
  }
});
