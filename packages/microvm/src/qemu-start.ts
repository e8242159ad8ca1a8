// SPDX-License-Identifier: Apache-2.0
// Starting QEMU up to its command mode, and what its last words mean where it does not get there.
import { createServer, type Socket } from 'node:net';
import { basename } from 'node:path';
import type { MachineIdentity } from './engine.ts';
import { diskFull, isDiskFull, MicrovmError } from './error.ts';
import type { VmLog } from './log.ts';
import { portTaken } from './port.ts';
import { type QemuSetup, qemuArguments, vmPaths } from './qemu-arguments.ts';
import { QmpClient } from './qmp.ts';
import { describeExit, type HeldVmm, holdVmm } from './vmm-hold.ts';
import { spawnVmm, type VmmExit } from './vmm-process.ts';

export interface QemuStart {
  readonly binary: string;
  readonly setup: QemuSetup;
  readonly log: VmLog;
  /** For the start, and for each answer afterwards, milliseconds. */
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Handed to QEMU as descriptors 3, 4, ... */
  readonly descriptors?: readonly number[] | undefined;
  /** Ends QEMU when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A QEMU in command mode. */
export interface StartedQemu extends HeldVmm {
  readonly qmp: QmpClient;
}

/** Starts QEMU and enters QMP command mode; whatever fails, no process and no directory stays. */
export async function startQemu(start: QemuStart): Promise<StartedQemu> {
  const { setup } = start;
  const paths = vmPaths(setup.directory);
  // QEMU connects to us as soon as it can: nothing is polled.
  const server = createServer();
  const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(paths.qmp, resolve);
  });
  const process = await spawnVmm({
    binary: start.binary,
    arguments: qemuArguments(setup),
    logPath: paths.log,
    env: start.env,
    descriptors: start.descriptors,
    signal: start.signal,
  });
  const held = holdVmm(process, setup.directory, paths.console);
  try {
    const socket = await withinTime(connected, process.exited, start);
    const qmp = await QmpClient.open(socket, {
      timeoutMs: start.timeoutMs,
      onRequest: ({ command, start: began, error }) =>
        start.log.request(
          basename(setup.directory),
          'QMP',
          command,
          began,
          error === undefined ? 0 : 1,
          error,
        ),
    });
    return { ...held, qmp };
  } catch (error) {
    const cause = await explainExit(error, setup, process.exited);
    held.terminate();
    await held.exited;
    throw cause;
  } finally {
    server.close();
  }
}

async function withinTime(
  connected: Promise<Socket>,
  exited: Promise<VmmExit>,
  { binary, timeoutMs }: QemuStart,
): Promise<Socket> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new MicrovmError('VMM_TIMEOUT', `QEMU was not ready within ${timeoutMs} ms`, {
            place: binary,
            hint: 'see whether the host is overloaded',
          }),
        ),
      timeoutMs,
    );
  });
  const gone = exited.then(() => {
    throw new MicrovmError('VMM_GONE', 'QEMU ended before it connected');
  });
  try {
    return await Promise.race([connected, gone, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** When something failed because QEMU died under it, says what QEMU died of. */
export async function explainExit(
  error: unknown,
  setup: QemuSetup,
  exited: Promise<VmmExit>,
): Promise<unknown> {
  if (!(error instanceof MicrovmError) || error.code !== 'VMM_GONE') return error;
  const exit = await exited;
  return (
    knownFailure(exit, setup) ??
    new MicrovmError(
      'VMM_GONE',
      `QEMU ended while it was ${setup.incoming ? 'restoring' : 'starting'} (${describeExit(exit)})`,
      {
        hint: 'nothing was left behind: try again; if it happens again, look at the log of the host',
        cause: error,
      },
    )
  );
}

/** What QEMU's last words mean for the user, where they are known. */
function knownFailure(exit: VmmExit, setup: QemuSetup): MicrovmError | undefined {
  const { log } = exit;
  if (/host forwarding rule/.test(log)) return portTaken(setup.endpoints[0]?.port);
  if (/failed to execute|cannot start/.test(log)) {
    return new MicrovmError('VMM_MISSING', log.split('\n').at(-1) ?? 'QEMU is missing', {
      hint: 'install QEMU: apt-get install qemu-system-x86',
    });
  }
  const preload = /^rekindle-preload: (.*)$/m.exec(log)?.[1];
  if (preload !== undefined) {
    const [message, hint] = preload.split('; ');
    return /not permitted/.test(preload)
      ? new MicrovmError('PERMISSION', message ?? preload, { place: 'userfaultfd', hint })
      : new MicrovmError('PAGER_FAILED', message ?? preload, { hint });
  }
  const unwritable = /can't open backing store (.*) for guest RAM: Permission denied/.exec(
    log,
  )?.[1];
  if (unwritable !== undefined) {
    return new MicrovmError('PERMISSION', `QEMU may not open the guest's memory: ${unwritable}`, {
      place: unwritable,
      hint: 'QEMU wants to open it for writing, though it never writes there: copy the snapshot, or give yourself write permission',
    });
  }
  if (/unsupported machine type/.test(log)) {
    return new MicrovmError(
      'SNAPSHOT_FOREIGN',
      `this QEMU does not know the machine ${setup.machineType}`,
      { place: 'machineType', hint: 'restore with the QEMU version that made the snapshot' },
    );
  }
  if (isDiskFull(setup.directory) && !setup.incoming) {
    return diskFull('starting a VM', setup.directory);
  }
  if (exit.signal !== null || log === '') return undefined;
  return new MicrovmError('VMM_FAILED', `QEMU gave up at start (${describeExit(exit)})`, {
    hint: 'the message is QEMU’s own',
  });
}

/** A state belongs to a minor version of QEMU; its patch releases keep it readable. */
export function requireVersion(running: string, identity: MachineIdentity): void {
  const minor = (version: string): string => version.split('.').slice(0, 2).join('.');
  if (minor(running) !== minor(identity.engineVersion)) {
    throw new MicrovmError(
      'SNAPSHOT_FOREIGN',
      `the snapshot was made by QEMU ${identity.engineVersion}, this is ${running}`,
      {
        place: 'engineVersion',
        hint: `install QEMU ${minor(identity.engineVersion)}, or make the snapshot again`,
      },
    );
  }
}
