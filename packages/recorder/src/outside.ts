// SPDX-License-Identifier: Apache-2.0
// Drives the recorder of another process of the same user. A process that has no recorder yet is given
// one: SIGUSR1 opens its inspector on the loopback address, which loads this package and is closed again.
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RecorderError, type RecorderErrorCode } from './error.ts';
import { reason } from './file-sink.ts';
import { evaluateIn } from './inspector-client.ts';
import type { RecordingInfo, RecordingOptions, Request } from './protocol.ts';
import type { SocketAnswer } from './remote/socket-server.ts';
import { controlSocketPath } from './remote-control.ts';
import type { SourceDescription } from './vm-events.ts';

const INSPECTOR_PORT = 9229;
const PATIENCE = 10_000;

/** The recorder of another process. */
export class OutsideRecorder {
  readonly pid: number;

  private constructor(pid: number) {
    this.pid = pid;
  }

  /**
   * Reaches the recorder of a process; `inject` puts one there where there is none. Throws
   * RECORDER_NO_PROCESS.
   */
  static async open(pid: number, options: { inject?: boolean } = {}): Promise<OutsideRecorder> {
    checkProcess(pid);
    const recorder = new OutsideRecorder(pid);
    if (await recorder.#answers()) return recorder;
    if (options.inject !== true) {
      throw new RecorderError('RECORDER_NO_PROCESS', `process ${pid} has no recorder to talk to`, {
        hint: 'start it with `node --import @rekindle/recorder/register`, or use `record start`',
      });
    }
    await inject(pid);
    const deadline = Date.now() + PATIENCE;
    while (!(await recorder.#answers())) {
      if (Date.now() > deadline) {
        throw new RecorderError('RECORDER_NO_PROCESS', `the recorder in ${pid} does not answer`);
      }
      await sleep(50);
    }
    return recorder;
  }

  async check(): Promise<readonly RecordingInfo[]> {
    return (await this.#ask({ op: 'list' })) as RecordingInfo[];
  }

  /** What the process can record of itself, and what not and why. */
  async sources(): Promise<readonly SourceDescription[]> {
    return (await this.#ask({ op: 'sources' })) as SourceDescription[];
  }

  /** The directory of the chunks, for those who follow them. */
  async repository(): Promise<string> {
    return (await this.#ask({ op: 'repository' })) as string;
  }

  async start(options: RecordingOptions): Promise<RecordingInfo> {
    const { id } = (await this.#ask({ op: 'new', options })) as RecordingInfo;
    return (await this.#ask({ op: 'start', id })) as RecordingInfo;
  }

  async dump(id: number, path: string): Promise<void> {
    await this.#ask({ op: 'dump', id, path });
  }

  /** Stops a recording; without a file its data are given up. */
  async stop(id: number, destination?: string): Promise<void> {
    await this.#ask({ op: 'stop', id, destination });
    await this.#ask({ op: 'close', id });
  }

  async #answers(): Promise<boolean> {
    try {
      await this.#ask({ op: 'list' });
      return true;
    } catch (error) {
      if (error instanceof RecorderError && error.code === 'RECORDER_NO_PROCESS') return false;
      throw error;
    }
  }

  async #ask(request: Request | { readonly op: 'sources' }): Promise<unknown> {
    const path = controlSocketPath(this.pid);
    const line = await new Promise<string>((resolve, reject) => {
      const connection = connect(path);
      const fail = (why: string): void =>
        reject(new RecorderError('RECORDER_NO_PROCESS', `${path}: ${why}`, { path }));
      connection.once('error', (error) => fail(error.message));
      connection.once('close', () => fail('no answer'));
      let said = '';
      connection.setEncoding('utf8').on('data', (part: string) => {
        said += part;
        const end = said.indexOf('\n');
        if (end < 0) return;
        resolve(said.slice(0, end));
        connection.destroy();
      });
      connection.write(`${JSON.stringify(request)}\n`);
    });
    const answer = JSON.parse(line) as SocketAnswer;
    if (answer.error === undefined) return answer.value;
    const { code, message, hint } = answer.error;
    throw new RecorderError(code as RecorderErrorCode, message, hint === undefined ? {} : { hint });
  }
}

function checkProcess(pid: number): void {
  try {
    process.kill(pid, 0);
  } catch (cause) {
    throw new RecorderError('RECORDER_NO_PROCESS', `process ${pid}: ${reason(cause)}`, {
      cause,
      hint: 'look for the process id of a Node.js program that is yours',
    });
  }
}

async function inject(pid: number): Promise<void> {
  // SIGUSR1 ends a program that is not Node.js
  const command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  const maps = existsSync(`/proc/${pid}/exe`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
  if (!/node|MainThread/.test(command) && !/(^|\/)node\0/.test(maps)) {
    throw new RecorderError('RECORDER_NO_PROCESS', `process ${pid} (${command}) is not Node.js`);
  }
  process.kill(pid, 'SIGUSR1');
  const entry = fileURLToPath(
    new URL('./remote-control.js', import.meta.url.replace('/src/', '/dist/')),
  );
  const expression = `(() => {
    if (process.pid !== ${pid}) return 'pid ' + process.pid;
    // \`require\` is the console's: in a program of ES modules it is gone when this has been evaluated
    const { startRemoteControl } = require(${JSON.stringify(entry)});
    const { close } = require('node:inspector');
    return startRemoteControl().then(() => { setTimeout(close, 200).unref(); return 'started'; });
  })()`;
  let said: unknown;
  try {
    said = await evaluateIn(INSPECTOR_PORT, expression, PATIENCE);
  } catch (cause) {
    throw new RecorderError(
      'RECORDER_NO_PROCESS',
      `cannot enter process ${pid}: ${reason(cause)}`,
      {
        cause,
        hint: `is port ${INSPECTOR_PORT} taken by another process's inspector?`,
      },
    );
  }
  if (said !== 'started') {
    throw new RecorderError('RECORDER_NO_PROCESS', `cannot enter process ${pid}: ${String(said)}`);
  }
}
