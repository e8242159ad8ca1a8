// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { accessSync, closeSync, constants, ftruncateSync, openSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { createMemoryFile } from '@rekindle/linux';
import { chooseAccelerator } from './accelerator.ts';
import { checkBootSpec } from './boot-spec.ts';
import { ConsoleWatch } from './console.ts';
import type {
  AcceleratorChoice,
  BootSpec,
  Engine,
  EngineProbe,
  GuestFiles,
  Machine,
  MachineExit,
  MachineIdentity,
  MemoryBackend,
  RestoreSpec,
} from './engine.ts';
import { diskFull, isDiskFull, MicrovmError } from './error.ts';
import { hostCpu } from './host-cpu.ts';
import { monotonicNow, NO_LOG, type VmLog } from './log.ts';
import { PAGE_SIZE, q35Regions } from './memory-file.ts';
import { own } from './owned.ts';
import { portTaken, reservePorts } from './port.ts';
import {
  BASE_COMMAND_LINE,
  cpuModel,
  incomingUri,
  type QemuSetup,
  qemuArguments,
  qemuDevices,
  vmPaths,
} from './qemu-arguments.ts';
import { migrationDone, QemuMachine } from './qemu-machine.ts';
import { QmpClient } from './qmp.ts';
import { claimDirectory, selfIdentity, writeRecord } from './state-directory.ts';
import { spawnVmm, type VmmExit, type VmmProcess } from './vmm-process.ts';
import { DEFAULT_WATCHDOG, watchBoot } from './watchdog.ts';

/** The number that the first descriptor handed over has in QEMU. */
const FIRST_DESCRIPTOR = 3;

export const QEMU_BINARY = 'qemu-system-x86_64';

export interface QemuOptions {
  readonly binary?: string | undefined;
  readonly log?: VmLog | undefined;
  /** From start to the QMP greeting, milliseconds. */
  readonly startTimeoutMs?: number | undefined;
  /** The library that hands guest RAM to a pager; without it only the file backend works. */
  readonly preloadLibrary?: string | undefined;
}

/** A QEMU process and everything around it, before it is known to be good. */
interface Started {
  readonly process: VmmProcess;
  readonly qmp: QmpClient;
  readonly exited: Promise<MachineExit>;
  readonly terminate: () => void;
}

/** QEMU's q35 machine: KVM where it works, else emulation. */
export class QemuEngine implements Engine {
  readonly name = 'qemu';
  readonly #options: QemuOptions;
  readonly #log: VmLog;

  constructor(options: QemuOptions = {}) {
    this.#options = options;
    this.#log = options.log ?? NO_LOG;
  }

  async probe(): Promise<EngineProbe> {
    const wanted = this.#options.binary ?? QEMU_BINARY;
    const binary = findBinary(wanted);
    const nothing = { engine: 'qemu', available: false, version: undefined, binary } as const;
    if (binary === undefined) {
      return { ...nothing, problem: `${wanted} is not installed: apt-get install qemu-system-x86` };
    }
    try {
      const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 });
      const version = /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
      return version === undefined
        ? { ...nothing, problem: `${binary} --version says something else than a version` }
        : { engine: 'qemu', available: true, version, binary, problem: undefined };
    } catch (error) {
      return { ...nothing, problem: `${binary} does not start: ${(error as Error).message}` };
    }
  }

  async boot(spec: BootSpec): Promise<Machine> {
    checkBootSpec(spec);
    const { binary, version } = await this.#require();
    const accelerator = await chooseAccelerator({
      binary,
      version,
      kernel: spec.kernel.path,
      wanted: spec.accelerator,
    });
    const watchdog = spec.watchdog ?? DEFAULT_WATCHDOG[accelerator.accelerator];
    for (let attempt = 0; ; attempt++) {
      const start = monotonicNow();
      try {
        const machine = await this.#bootOnce(spec, binary, accelerator, watchdog);
        this.#log.phase(label(spec.name, accelerator), 'boot', start);
        return machine;
      } catch (error) {
        const hung = error instanceof MicrovmError && error.code === 'BOOT_HUNG';
        if (!hung || attempt >= watchdog.retries) throw error;
      }
    }
  }

  async #bootOnce(
    spec: BootSpec,
    binary: string,
    accelerator: AcceleratorChoice,
    watchdog: NonNullable<BootSpec['watchdog']>,
  ): Promise<Machine> {
    const directory = claimDirectory(spec.name);
    const files: GuestFiles = {
      kernel: spec.kernel,
      initramfs: spec.initramfs,
      image: spec.image,
      commandLine: [BASE_COMMAND_LINE, spec.commandLine].filter(Boolean).join(' '),
    };
    const paths = vmPaths(directory);
    let started: Started | undefined;
    let ram: number | undefined;
    try {
      ram = createMemoryFile(`rekindle-${spec.name}`);
      ftruncateSync(ram, spec.memoryBytes);
      const setup: QemuSetup = {
        machineType: 'q35',
        accelerator: accelerator.accelerator,
        memoryBytes: spec.memoryBytes,
        vcpus: spec.vcpus ?? 1,
        files,
        endpoints: await reservePorts(spec.forwards ?? []),
        // A file that exists in memory alone: no disk is written, and it ends with QEMU. It has a name in
        // QEMU's eyes, without which x-ignore-shared would move it (QEMU 8.1 and later).
        ram: { path: `/proc/self/fd/${FIRST_DESCRIPTOR}`, shared: true },
        directory,
        incoming: false,
      };
      started = await this.#start(binary, setup, { descriptors: [ram] });
      const { qmp } = started;
      const machineType = await machineTypeOf(qmp);
      await watchBoot(new ConsoleWatch(paths.console), started.exited, watchdog, spec.name);
      const identity: MachineIdentity = {
        engine: 'qemu',
        engineVersion: qmp.version,
        accelerator: accelerator.accelerator,
        machineType,
        cpuModel: cpuModel(accelerator.accelerator),
        hostCpu: accelerator.accelerator === 'kvm' ? hostCpu() : undefined,
        vcpus: setup.vcpus,
        devices: qemuDevices(files.image !== undefined),
        regions: q35Regions(spec.memoryBytes),
        pageSize: PAGE_SIZE,
      };
      return this.#machine(spec.name, setup, identity, accelerator, started);
    } catch (error) {
      await abandon(started, directory);
      throw error;
    } finally {
      if (ram !== undefined) closeSync(ram);
    }
  }

  async restore(spec: RestoreSpec, backend: MemoryBackend): Promise<Machine> {
    const { identity, directory } = spec;
    const binary = this.#options.binary ?? QEMU_BINARY;
    const start = monotonicNow();
    const accelerator: AcceleratorChoice = {
      accelerator: identity.accelerator,
      reason: 'as the snapshot was made',
      cached: false,
    };
    let started: Started | undefined;
    let setup: QemuSetup | undefined;
    let state: number | undefined;
    try {
      state = openSync(spec.state, 'r');
      setup = {
        machineType: identity.machineType,
        accelerator: identity.accelerator,
        memoryBytes: identity.regions.reduce((sum, region) => sum + region.bytes, 0),
        vcpus: identity.vcpus,
        files: spec.files,
        endpoints: await reservePorts(spec.forwards),
        ram: { path: spec.memory, shared: false },
        directory,
        incoming: true,
      };
      started = await this.#start(binary, setup, {
        descriptors: [state],
        env: backend.kind === 'file' ? {} : this.#preload(backend.socketPath, spec.memory),
      });
      const { qmp } = started;
      requireVersion(qmp.version, identity);
      await qmp.execute('migrate-set-capabilities', {
        capabilities: [{ capability: 'x-ignore-shared', state: true }],
      });
      await qmp.execute('migrate-incoming', {
        uri: incomingUri(qmp.version, spec.state, FIRST_DESCRIPTOR),
      });
      await this.#loaded(qmp, spec);
      this.#log.phase(label(spec.name, accelerator), 'load', start);
      return this.#machine(spec.name, setup, identity, accelerator, started, {
        state: spec.state,
        backend,
      });
    } catch (error) {
      const cause =
        started === undefined || setup === undefined
          ? error
          : await explainExit(error, setup, started.process.exited);
      await abandon(started, directory);
      throw cause;
    } finally {
      if (state !== undefined) closeSync(state);
    }
  }

  /** Waits until the state is loaded: the run state leaves `inmigrate`, and stays paused thanks to -S. */
  async #loaded(qmp: QmpClient, spec: RestoreSpec): Promise<void> {
    try {
      await migrationDone(qmp, spec.state);
    } catch (error) {
      if (!(error instanceof MicrovmError) || error.code !== 'VMM_FAILED') throw error;
      throw new MicrovmError('SNAPSHOT_DAMAGED', `QEMU cannot load the state: ${error.message}`, {
        place: spec.state,
        hint: 'the state file is damaged; make the snapshot again',
        cause: error,
      });
    }
  }

  #preload(socketPath: string, memory: string): Record<string, string> {
    const library = this.#options.preloadLibrary;
    if (library === undefined) {
      throw new MicrovmError('BAD_SPEC', 'a pager needs the preload library', {
        hint: 'build it by: npm run setup',
      });
    }
    return {
      LD_PRELOAD: library,
      REKINDLE_UFFD_SOCKET: socketPath,
      REKINDLE_UFFD_RAM: memory,
    };
  }

  async #require(): Promise<{ binary: string; version: string }> {
    const probe = await this.probe();
    if (probe.version === undefined || probe.binary === undefined) {
      throw new MicrovmError('VMM_MISSING', probe.problem ?? 'QEMU is missing', {
        place: this.#options.binary ?? QEMU_BINARY,
        hint: 'install QEMU: apt-get install qemu-system-x86',
      });
    }
    return { binary: probe.binary, version: probe.version };
  }

  /** Starts QEMU and enters QMP command mode; whatever fails, no process stays. */
  async #start(
    binary: string,
    setup: QemuSetup,
    extra: { env?: Record<string, string>; descriptors?: readonly number[] },
  ): Promise<Started> {
    const { directory } = setup;
    const paths = vmPaths(directory);
    const server = createServer();
    const connected = new Promise<Socket>((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(paths.qmp, resolve);
    });
    const process = await spawnVmm({
      binary,
      arguments: qemuArguments(setup),
      logPath: paths.log,
      ...extra,
    });
    let expected = false;
    const disown = own(() => {
      process.kill();
      rmSync(directory, { recursive: true, force: true });
    });
    const exited = process.exited.then((exit): MachineExit => {
      const console = new ConsoleWatch(paths.console).lastLines(8);
      rmSync(directory, { recursive: true, force: true });
      disown();
      return { ...exit, expected, console };
    });
    const terminate = (): void => {
      expected = true;
      process.kill();
    };
    const timeoutMs = this.#options.startTimeoutMs ?? 15_000;
    let timer: NodeJS.Timeout | undefined;
    try {
      const socket = await Promise.race([
        connected,
        process.exited.then(() =>
          Promise.reject(new MicrovmError('VMM_GONE', 'QEMU ended before it connected')),
        ),
        new Promise<never>((_resolve, reject) => {
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
        }),
      ]);
      const qmp = await QmpClient.open(socket, {
        timeoutMs,
        onRequest: ({ command, start, error }) =>
          this.#log.request(
            setup.directory.slice(setup.directory.lastIndexOf('/') + 1),
            'QMP',
            command,
            start,
            error === undefined ? 0 : 1,
            error,
          ),
      });
      return { process, qmp, exited, terminate };
    } catch (error) {
      const cause = await explainExit(error, setup, process.exited);
      terminate();
      await exited;
      throw cause;
    } finally {
      clearTimeout(timer);
      server.close();
    }
  }

  #machine(
    name: string,
    setup: QemuSetup,
    identity: MachineIdentity,
    accelerator: AcceleratorChoice,
    started: Started,
    restored?: { readonly state: string; readonly backend: MemoryBackend },
  ): QemuMachine {
    const balloon = restored?.backend.kind !== 'file';
    const { pid } = started.process;
    const ram = {
      path: setup.ram.path.replace('/proc/self/', `/proc/${pid}/`),
      shared: setup.ram.shared,
    };
    writeRecord(setup.directory, {
      name,
      owner: selfIdentity(),
      vmmPid: pid,
      accelerator,
      endpoints: setup.endpoints,
      identity,
      files: setup.files,
      ram,
      balloon,
      started: Date.now(),
      snapshot: restored?.state,
    });
    return new QemuMachine({
      name,
      directory: setup.directory,
      pid,
      identity,
      files: setup.files,
      accelerator,
      endpoints: setup.endpoints,
      ram: ram.path,
      ramShared: ram.shared,
      balloon,
      qmp: started.qmp,
      log: this.#log,
      exited: started.exited,
      terminate: started.terminate,
    });
  }
}

function label(
  name: string,
  accelerator: AcceleratorChoice,
): { name: string; engine: string; accelerator: string } {
  return { name, engine: 'qemu', accelerator: accelerator.accelerator };
}

async function abandon(started: Started | undefined, directory: string): Promise<void> {
  started?.terminate();
  await started?.exited;
  rmSync(directory, { recursive: true, force: true });
}

/** When something failed because QEMU died under it, says what QEMU died of. */
async function explainExit(
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
      `QEMU ended while it was ${setup.incoming ? 'restoring' : 'starting'} (${describe(exit)})`,
      {
        hint: 'nothing was left behind: try again; if it happens again, look at the log of the host',
        cause: error,
      },
    )
  );
}

export function describe(exit: {
  code: number | null;
  signal: string | null;
  log: string;
}): string {
  const how = exit.signal ?? `status ${exit.code}`;
  return exit.log === '' ? how : `${how}: ${exit.log.split('\n').at(-1)}`;
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
  return new MicrovmError('VMM_FAILED', `QEMU gave up at start (${describe(exit)})`, {
    hint: 'the message is QEMU’s own',
  });
}

function requireVersion(running: string, identity: MachineIdentity): void {
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

async function machineTypeOf(qmp: QmpClient): Promise<string> {
  const type = await qmp.execute('qom-get', { path: '/machine', property: 'type' });
  return String(type).replace(/-machine$/, '');
}

/** The absolute path of a program, as the shell would find it. */
export function findBinary(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
