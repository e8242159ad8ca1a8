// SPDX-License-Identifier: Apache-2.0
// Lets others drive the recorder of this process.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { RecorderError } from './error.ts';
import { recorderControl } from './flight-recorder.ts';
import type { ControlInput, ControlReady } from './remote/control-thread.ts';
import { enableVmEvents } from './vm-events.ts';

export interface RemoteControlOptions {
  /** A Unix socket for `rekindle record check|start|dump|stop PID` of the same user. Default true. */
  readonly socket?: boolean;
  /** FlightRecorderMXBean over the Jolokia protocol, for JDK Mission Control and JMX clients. */
  readonly http?: {
    /** 0 (default): any free port. */
    readonly port?: number;
    /** Default 127.0.0.1. Anything else is open to the network, without encryption. */
    readonly host?: string;
    /** Secret to be sent as a bearer token or as Basic password; default: made up. */
    readonly token?: string;
    /** User of Basic authentication; default: any. */
    readonly user?: string;
    /** Directory for files that remote callers ask for; default: the working directory. */
    readonly files?: string;
  };
}

export interface RemoteControl {
  /** `http://127.0.0.1:PORT/jolokia`; JMC wants `service:jmx:jolokia://…`. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  readonly socket: string | undefined;
  close(): Promise<void>;
}

/** Where the socket of a process is. */
export function controlSocketPath(pid: number): string {
  const base = process.env.XDG_RUNTIME_DIR ?? join(tmpdir(), `rekindle-${userInfo().uid}`);
  return join(base, 'rekindle', `recorder-${pid}.sock`);
}

/** Starts the control thread. Throws RECORDER_IO when a port or path cannot be had. */
export async function startRemoteControl(
  options: RemoteControlOptions = {},
): Promise<RemoteControl> {
  const control = recorderControl();
  enableVmEvents();
  const socket = options.socket === false ? undefined : controlSocketPath(process.pid);
  const token = options.http === undefined ? undefined : (options.http.token ?? newToken());
  const { port, arena } = control.connect();
  const input: ControlInput = {
    port,
    arena,
    repository: control.directory,
    socket,
    http:
      options.http === undefined || token === undefined
        ? undefined
        : {
            host: options.http.host ?? '127.0.0.1',
            port: options.http.port ?? 0,
            credentials: { token, user: options.http.user },
            files: resolve(options.http.files ?? '.'),
          },
    startTime: Math.round(performance.timeOrigin),
  };
  const entry = new URL('./remote/control-thread.js', import.meta.url.replace('/src/', '/dist/'));
  const worker = new Worker(entry, {
    name: 'rekindle control',
    workerData: input,
    transferList: [port],
    execArgv: [],
    env: {},
  });
  const ready = await new Promise<ControlReady>((settle, reject) => {
    worker.once('message', settle);
    worker.once('error', reject);
  });
  if (ready.error !== undefined) {
    await worker.terminate();
    throw new RecorderError('RECORDER_IO', `no remote control: ${ready.error}`, {
      hint: 'is the port taken?',
    });
  }
  worker.unref();
  const remove = (): void => {
    if (socket !== undefined) rmSync(socket, { force: true });
  };
  process.once('exit', remove);
  const host = input.http?.host ?? '';
  return {
    url: ready.httpPort === undefined ? undefined : `http://${host}:${ready.httpPort}/jolokia`,
    token,
    socket,
    async close() {
      await worker.terminate();
      process.removeListener('exit', remove);
      remove();
    },
  };
}

function newToken(): string {
  return randomBytes(24).toString('base64url');
}
