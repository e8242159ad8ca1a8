// SPDX-License-Identifier: Apache-2.0
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { createMemoryFile } from '@rekindle/linux';
import { chooseAccelerator } from './accelerator.ts';
import { probeBinary } from './binary.ts';
import { checkBootSpec } from './boot-spec.ts';
import { ConsoleWatch } from './console.ts';
import type {
  AcceleratorChoice,
  BootSpec,
  Engine,
  EngineProbe,
  GuestFiles,
  Machine,
  MachineIdentity,
  MemoryBackend,
  RestoreSpec,
} from './engine.ts';
import { MicrovmError } from './error.ts';
import { hostCpu } from './host-cpu.ts';
import { monotonicNow, NO_LOG, type VmLog } from './log.ts';
import { PAGE_SIZE, q35Regions } from './memory-file.ts';
import { reservePorts } from './port.ts';
import {
  BASE_COMMAND_LINE,
  cpuModel,
  incomingUri,
  type QemuSetup,
  qemuDevices,
  vmPaths,
} from './qemu-arguments.ts';
import { migrationDone, QemuMachine } from './qemu-machine.ts';
import {
  explainExit,
  type QemuStart,
  requireVersion,
  type StartedQemu,
  startQemu,
} from './qemu-start.ts';
import type { QmpClient } from './qmp.ts';
import { claimDirectory, selfIdentity, writeRecord } from './state-directory.ts';
import { abandon } from './vmm-hold.ts';
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

/** QEMU's q35 machine: KVM where it works, else emulation. */
export class QemuEngine implements Engine {
  readonly name = 'qemu';
  readonly #options: QemuOptions;
  readonly #log: VmLog;

  constructor(options: QemuOptions = {}) {
    this.#options = options;
    this.#log = options.log ?? NO_LOG;
  }

  probe(): Promise<EngineProbe> {
    return probeBinary(
      'qemu',
      this.#options.binary ?? QEMU_BINARY,
      /version (\d+\.\d+\.\d+)/,
      'apt-get install qemu-system-x86',
    );
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
    let started: StartedQemu | undefined;
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
    let started: StartedQemu | undefined;
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
        signal: spec.signal,
        env: backend.kind === 'file' ? {} : this.#preload(backend, spec.memory),
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

  #preload(
    { socketPath, sharedPath }: Extract<MemoryBackend, { kind: 'userfaultfd' }>,
    memory: string,
  ): Record<string, string> {
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
      ...(sharedPath === undefined ? {} : { REKINDLE_UFFD_SHARED: sharedPath }),
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

  #start(
    binary: string,
    setup: QemuSetup,
    extra: Pick<QemuStart, 'env' | 'descriptors' | 'signal'>,
  ): Promise<StartedQemu> {
    const timeoutMs = this.#options.startTimeoutMs ?? 15_000;
    return startQemu({ binary, setup, log: this.#log, timeoutMs, ...extra });
  }

  #machine(
    name: string,
    setup: QemuSetup,
    identity: MachineIdentity,
    accelerator: AcceleratorChoice,
    started: StartedQemu,
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

async function machineTypeOf(qmp: QmpClient): Promise<string> {
  const type = await qmp.execute('qom-get', { path: '/machine', property: 'type' });
  return String(type).replace(/-machine$/, '');
}
