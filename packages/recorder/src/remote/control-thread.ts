// SPDX-License-Identifier: Apache-2.0
// The thread that listens for requests from outside: on a Unix socket for the same user, on HTTP for
// JMX clients. It has an event loop of its own, so a busy or hung application can still be recorded.
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { reason } from '../file-sink.ts';
import { type Credentials, serveJolokia } from './http-server.ts';
import { Jolokia, runtimeFacts } from './jolokia.ts';
import { FlightRecorderMBean } from './mbean.ts';
import { RecorderLine } from './recorder-line.ts';
import { serveSocket } from './socket-server.ts';

export interface ControlInput {
  readonly port: MessagePort;
  readonly arena: SharedArrayBuffer;
  readonly repository: string;
  /** Path of the Unix socket, if there is to be one. */
  readonly socket: string | undefined;
  readonly http:
    | {
        readonly host: string;
        readonly port: number;
        readonly credentials: Credentials;
        readonly files: string;
      }
    | undefined;
  readonly startTime: number;
}

/** First and only message of the thread. */
export interface ControlReady {
  readonly httpPort?: number;
  readonly error?: string;
}

async function run(input: ControlInput): Promise<ControlReady> {
  const line = new RecorderLine(input.port, input.arena);
  const ask = line.ask.bind(line);
  if (input.socket !== undefined) {
    const { socket } = input;
    mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
    // left by a process of this id that is gone
    rmSync(socket, { force: true });
    await serveSocket(socket, ask);
    chmodSync(socket, 0o600);
  }
  if (input.http === undefined) return {};
  const { host, port, credentials, files } = input.http;
  const { repository, startTime } = input;
  const bean = new FlightRecorderMBean({ ask, repository, files, startTime });
  const facts = runtimeFacts(process.pid, hostname(), startTime);
  const jolokia = new Jolokia(bean, facts, randomUUID());
  const { port: httpPort } = await serveJolokia({ jolokia, credentials, host, port });
  return { httpPort };
}

run(workerData as ControlInput).then(
  (ready) => parentPort?.postMessage(ready),
  (error) => parentPort?.postMessage({ error: reason(error) } satisfies ControlReady),
);
