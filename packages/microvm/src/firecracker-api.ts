// SPDX-License-Identifier: Apache-2.0
// Firecracker's API: HTTP/1.1 over a Unix socket, JSON bodies; 200 or 204 for done, 400 with `fault_message`
// for refused (src/firecracker/swagger/firecracker.yaml, v1.16.1). Unknown fields are refused.
import { request } from 'node:http';
import { MicrovmError } from './error.ts';
import { monotonicNow, type VmLog } from './log.ts';

/** The requests we make, by method and path; `{}` for those without a body. */
export interface FirecrackerRequests {
  'PUT /machine-config': { vcpu_count: number; mem_size_mib: number; track_dirty_pages?: boolean };
  'PUT /boot-source': { kernel_image_path: string; initrd_path?: string; boot_args?: string };
  'PUT /drives/rootfs': {
    drive_id: 'rootfs';
    is_root_device: boolean;
    path_on_host: string;
    is_read_only: boolean;
  };
  'PUT /network-interfaces/eth0': { iface_id: 'eth0'; host_dev_name: string };
  'PUT /vsock': { guest_cid: number; uds_path: string };
  'PUT /balloon': { amount_mib: number; deflate_on_oom: boolean };
  'PATCH /balloon': { amount_mib: number };
  'GET /balloon': undefined;
  'GET /': undefined;
  'PUT /actions': { action_type: 'InstanceStart' };
  'PATCH /vm': { state: 'Paused' | 'Resumed' };
  'PUT /snapshot/create': {
    snapshot_type: 'Full';
    snapshot_path: string;
    mem_file_path: string;
  };
  'PUT /snapshot/load': {
    snapshot_path: string;
    mem_backend: { backend_type: 'File' | 'Uffd'; backend_path: string };
    resume_vm: boolean;
    network_overrides?: readonly { iface_id: string; host_dev_name: string }[];
    vsock_override?: { uds_path: string };
  };
}

/** What the answers hold that we read. */
export interface FirecrackerAnswers {
  'GET /': { state: 'Not started' | 'Running' | 'Paused'; vmm_version: string };
  'GET /balloon': { amount_mib: number };
}

type Answer<R extends keyof FirecrackerRequests> = R extends keyof FirecrackerAnswers
  ? FirecrackerAnswers[R]
  : undefined;

/** No answer of Firecracker is near this. */
const ANSWER_LIMIT = 1024 * 1024;

export class FirecrackerApi {
  readonly #socketPath: string;
  readonly #vm: string;
  readonly #log: VmLog;
  readonly #timeoutMs: number;

  constructor(socketPath: string, vm: string, log: VmLog, timeoutMs = 60_000) {
    this.#socketPath = socketPath;
    this.#vm = vm;
    this.#log = log;
    this.#timeoutMs = timeoutMs;
  }

  /** One request; rejects with VMM_REFUSED and Firecracker's words, VMM_TIMEOUT or VMM_GONE. */
  async send<R extends keyof FirecrackerRequests>(
    what: R,
    ...[body]: FirecrackerRequests[R] extends undefined ? [] : [FirecrackerRequests[R]]
  ): Promise<Answer<R>> {
    const [method, path] = what.split(' ') as [string, string];
    const start = monotonicNow();
    let status = 0;
    let error: string | undefined;
    try {
      const answer = await this.#exchange(method, path, body);
      status = answer.status;
      if (status >= 300) {
        error = faultOf(answer.text);
        throw new MicrovmError('VMM_REFUSED', `Firecracker refused ${what}: ${error}`, {
          place: path,
          hint: 'the reason is Firecracker’s own',
        });
      }
      return (answer.text === '' ? undefined : parse(answer.text, what)) as Answer<R>;
    } catch (failure) {
      error ??= (failure as Error).message;
      throw failure;
    } finally {
      this.#log.request(this.#vm, method, path, start, status, error);
    }
  }

  #exchange(
    method: string,
    path: string,
    body: unknown,
  ): Promise<{ status: number; text: string }> {
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socketPath,
          method,
          path,
          agent: false,
          timeout: this.#timeoutMs,
          headers:
            text === ''
              ? {}
              : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => {
            answer += part;
            if (answer.length > ANSWER_LIMIT) response.destroy(new Error('an answer without end'));
          });
          response.on('error', gone);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text: answer }));
        },
      );
      const gone = (error: Error): void =>
        reject(
          error instanceof MicrovmError
            ? error
            : new MicrovmError('VMM_GONE', `no answer from Firecracker: ${error.message}`, {
                place: this.#socketPath,
                hint: 'see the VM’s vmm.log',
                cause: error,
              }),
        );
      outgoing.on('timeout', () =>
        outgoing.destroy(
          new MicrovmError(
            'VMM_TIMEOUT',
            `no answer to ${method} ${path} within ${this.#timeoutMs} ms`,
            {
              place: this.#socketPath,
              hint: 'see whether the host is overloaded',
            },
          ),
        ),
      );
      outgoing.on('error', gone);
      outgoing.end(text);
    });
  }
}

function faultOf(text: string): string {
  try {
    const { fault_message: fault } = JSON.parse(text) as { fault_message?: unknown };
    if (typeof fault === 'string') return fault;
  } catch {
    // Not JSON: the text itself is all there is.
  }
  return text.slice(0, 200);
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MicrovmError(
      'VMM_FAILED',
      `Firecracker answered ${what} with something else than JSON`,
      {
        hint: 'see whether the socket is Firecracker’s',
        cause: error,
      },
    );
  }
}
