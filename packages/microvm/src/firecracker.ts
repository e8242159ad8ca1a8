// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { firecrackerLayout } from '@rekindle/pager';
import { probeBinary } from './binary.ts';
import { checkBootSpec } from './boot-spec.ts';
import { ConsoleWatch } from './console.ts';
import { isElf } from './elf.ts';
import type {
  AcceleratorChoice,
  BootSpec,
  Endpoint,
  Engine,
  EngineProbe,
  GuestFiles,
  Machine,
  MachineIdentity,
  MemoryBackend,
  PortForward,
  RestoreSpec,
} from './engine.ts';
import { MicrovmError } from './error.ts';
import { FirecrackerApi } from './firecracker-api.ts';
import { FirecrackerMachine, firecrackerPaths } from './firecracker-machine.ts';
import { hostCpu } from './host-cpu.ts';
import { monotonicNow, NO_LOG, type VmLog } from './log.ts';
import { PAGE_SIZE } from './memory-file.ts';
import { claimDirectory, selfIdentity, writeRecord } from './state-directory.ts';
import { abandon, describeExit, type HeldVmm, holdVmm } from './vmm-hold.ts';
import { spawnVmm } from './vmm-process.ts';
import { DEFAULT_WATCHDOG, watchBoot } from './watchdog.ts';

export const FIRECRACKER_BINARY = 'firecracker';

const MIB = 1024 * 1024;
const GUEST_CID = 3;
/** Firecracker's own defaults (docs/kernel-policy.md), a console, and a panic that ends the VM at once. */
const BASE_COMMAND_LINE =
  'console=ttyS0 reboot=k panic=1 pci=off i8042.noaux i8042.nomux i8042.dumbkbd mitigations=off norandmaps quiet';

/** A tap device that exists and the addresses on both of its ends. */
export interface TapNetwork {
  readonly tap: string;
  readonly hostAddress: string;
  readonly guestAddress: string;
}

export interface FirecrackerOptions {
  readonly binary?: string | undefined;
  readonly log?: VmLog | undefined;
  /** From start to an API that answers, milliseconds. */
  readonly startTimeoutMs?: number | undefined;
  readonly network?: TapNetwork | undefined;
  /** For tests: the device that must be usable. */
  readonly device?: string | undefined;
}

interface Started extends HeldVmm {
  readonly api: FirecrackerApi;
  readonly version: string;
}

const ACCELERATOR: AcceleratorChoice = {
  accelerator: 'kvm',
  reason: 'KVM, because Firecracker runs on nothing else',
  cached: false,
};

/** Firecracker 1.12 and later. The guest is reached by its own address on a tap device. */
export class FirecrackerEngine implements Engine {
  readonly name = 'firecracker';
  readonly #options: FirecrackerOptions;
  readonly #log: VmLog;

  constructor(options: FirecrackerOptions = {}) {
    this.#options = options;
    this.#log = options.log ?? NO_LOG;
  }

  async probe(): Promise<EngineProbe> {
    const probe = await probeBinary(
      'firecracker',
      this.#options.binary ?? FIRECRACKER_BINARY,
      /Firecracker v(\d+\.\d+\.\d+)/,
      'unpack a release of firecracker-microvm/firecracker into your PATH',
    );
    const device = this.#options.device ?? '/dev/kvm';
    try {
      accessSync(device, constants.R_OK | constants.W_OK);
      return probe;
    } catch {
      const problem = probe.problem ?? `${device} may not be opened: usermod -aG kvm $USER`;
      return { ...probe, available: false, problem };
    }
  }

  async boot(spec: BootSpec): Promise<Machine> {
    checkBootSpec(spec);
    if (!isElf(spec.kernel.path)) {
      throw new MicrovmError('BAD_SPEC', `not an uncompressed kernel: ${spec.kernel.path}`, {
        place: spec.kernel.path,
        hint: 'Firecracker boots a vmlinux, not a bzImage: give one with --kernel',
      });
    }
    const binary = await this.#require();
    const endpoints = this.#endpoints(spec.forwards ?? []);
    const directory = claimDirectory(spec.name);
    const paths = firecrackerPaths(directory);
    const { network } = this.#options;
    const start = monotonicNow();
    const files: GuestFiles = {
      kernel: spec.kernel,
      initramfs: spec.initramfs,
      image: spec.image,
      commandLine: [BASE_COMMAND_LINE, network && guestIp(network), spec.commandLine]
        .filter(Boolean)
        .join(' '),
    };
    let started: Started | undefined;
    try {
      started = await this.#start(binary, spec.name, directory);
      const { api } = started;
      await api.send('PUT /machine-config', {
        vcpu_count: spec.vcpus ?? 1,
        mem_size_mib: spec.memoryBytes / MIB,
      });
      await api.send('PUT /boot-source', {
        kernel_image_path: files.kernel.path,
        ...(files.initramfs === undefined ? {} : { initrd_path: files.initramfs.path }),
        boot_args: files.commandLine,
      });
      if (files.image !== undefined) {
        await api.send('PUT /drives/rootfs', {
          drive_id: 'rootfs',
          is_root_device: true,
          path_on_host: files.image.path,
          is_read_only: true,
        });
      }
      if (network !== undefined) {
        const interface_ = { iface_id: 'eth0', host_dev_name: network.tap } as const;
        await api.send('PUT /network-interfaces/eth0', interface_);
      }
      await api.send('PUT /vsock', { guest_cid: GUEST_CID, uds_path: paths.agent });
      await api.send('PUT /balloon', { amount_mib: 0, deflate_on_oom: true });
      await api.send('PUT /actions', { action_type: 'InstanceStart' });
      const watchdog = spec.watchdog ?? DEFAULT_WATCHDOG.kvm;
      await watchBoot(new ConsoleWatch(paths.console), started.exited, watchdog, spec.name);
      const identity: MachineIdentity = {
        engine: 'firecracker',
        engineVersion: started.version,
        accelerator: 'kvm',
        machineType: 'firecracker',
        cpuModel: 'host',
        hostCpu: hostCpu(),
        vcpus: spec.vcpus ?? 1,
        devices: firecrackerDevices(files.image !== undefined, network !== undefined),
        regions: firecrackerLayout(spec.memoryBytes),
        pageSize: PAGE_SIZE,
      };
      this.#log.phase(
        { name: spec.name, engine: 'firecracker', accelerator: 'kvm' },
        'boot',
        start,
      );
      return this.#machine(spec.name, directory, files, identity, endpoints, started);
    } catch (error) {
      await abandon(started, directory);
      throw error;
    }
  }

  async restore(spec: RestoreSpec, backend: MemoryBackend): Promise<Machine> {
    if (backend.kind === 'userfaultfd' && backend.sharedPath !== undefined) {
      throw new MicrovmError(
        'BAD_SPEC',
        'Firecracker cannot share memory between clones that a pager serves',
        {
          hint: 'its guest memory is anonymous; restore with --pager file: clones share the page cache then',
        },
      );
    }
    const { directory, identity } = spec;
    const { network } = this.#options;
    const start = monotonicNow();
    let started: Started | undefined;
    try {
      const binary = await this.#require();
      const endpoints = this.#endpoints(spec.forwards);
      started = await this.#start(binary, spec.name, directory, spec.signal);
      // Both overrides came later than the rest: they are sent only where there is something to override.
      await started.api.send('PUT /snapshot/load', {
        snapshot_path: spec.state,
        mem_backend:
          backend.kind === 'file'
            ? { backend_type: 'File', backend_path: spec.memory }
            : { backend_type: 'Uffd', backend_path: backend.socketPath },
        resume_vm: false,
        ...(network === undefined
          ? {}
          : { network_overrides: [{ iface_id: 'eth0', host_dev_name: network.tap }] }),
        ...(identity.devices.includes('vsock')
          ? { vsock_override: { uds_path: firecrackerPaths(directory).agent } }
          : {}),
      });
      this.#log.phase(
        { name: spec.name, engine: 'firecracker', accelerator: 'kvm' },
        'load',
        start,
      );
      return this.#machine(
        spec.name,
        directory,
        spec.files,
        identity,
        endpoints,
        started,
        spec.state,
      );
    } catch (error) {
      const cause = await explainLoad(error, spec, started);
      await abandon(started, directory);
      throw cause;
    }
  }

  /** Starts Firecracker and waits until its API answers; the guest's console is its standard output. */
  async #start(
    binary: string,
    name: string,
    directory: string,
    signal?: AbortSignal,
  ): Promise<Started> {
    const paths = firecrackerPaths(directory);
    // Firecracker opens its log, it does not make it.
    writeFileSync(paths.log, '', { mode: 0o600 });
    const process = await spawnVmm({
      binary,
      arguments: ['--api-sock', paths.api, '--id', instanceId(name), '--log-path', paths.log],
      logPath: paths.console,
      signal,
    });
    const held = holdVmm(process, directory, paths.console);
    // Asking until it listens is no part of the record.
    const knock = new FirecrackerApi(paths.api, name, NO_LOG);
    const deadline = Date.now() + (this.#options.startTimeoutMs ?? 10_000);
    let gone = false;
    void process.exited.then(() => {
      gone = true;
    });
    for (;;) {
      try {
        const { vmm_version: version } = await knock.send('GET /');
        return { ...held, api: new FirecrackerApi(paths.api, name, this.#log), version };
      } catch (error) {
        if (gone) {
          throw new MicrovmError(
            'VMM_FAILED',
            `Firecracker gave up at start (${describeExit(await process.exited)})`,
            { place: binary, hint: 'the message is Firecracker’s own', cause: error },
          );
        }
        if (Date.now() > deadline) {
          await abandon(held, directory);
          throw error;
        }
        await sleep(1);
      }
    }
  }

  async #require(): Promise<string> {
    const probe = await this.probe();
    if (!probe.available || probe.binary === undefined) {
      throw new MicrovmError('VMM_MISSING', probe.problem ?? 'Firecracker is missing', {
        place: this.#options.binary ?? FIRECRACKER_BINARY,
        hint: 'use the qemu engine, or see: rekindle doctor',
      });
    }
    return probe.binary;
  }

  #endpoints(forwards: readonly PortForward[]): Endpoint[] {
    const { network } = this.#options;
    return forwards.map(({ guestPort, hostPort }) => {
      if (network === undefined) {
        throw new MicrovmError(
          'BAD_SPEC',
          'Firecracker needs a tap device to reach a port of the guest',
          {
            place: 'network',
            hint: 'sudo ip tuntap add tap0 mode tap user $USER && sudo ip addr add 172.16.0.1/24 dev tap0 && sudo ip link set tap0 up',
          },
        );
      }
      if (hostPort !== undefined) {
        throw new MicrovmError('BAD_SPEC', 'Firecracker forwards no ports', {
          place: `port ${hostPort}`,
          hint: `reach the guest at ${network.guestAddress}:${guestPort}`,
        });
      }
      return { guestPort, host: network.guestAddress, port: guestPort };
    });
  }

  #machine(
    name: string,
    directory: string,
    files: GuestFiles,
    identity: MachineIdentity,
    endpoints: readonly Endpoint[],
    started: Started,
    snapshot?: string,
  ): FirecrackerMachine {
    const common = { name, identity, files, accelerator: ACCELERATOR, endpoints };
    writeRecord(directory, {
      ...common,
      owner: selfIdentity(),
      vmmPid: started.process.pid,
      ram: { path: '', shared: false },
      balloon: true,
      started: Date.now(),
      snapshot,
    });
    return new FirecrackerMachine({
      ...common,
      directory,
      pid: started.process.pid,
      api: started.api,
      log: this.#log,
      exited: started.exited,
      terminate: () => started.terminate(),
    });
  }
}

/** What a guest of ours has; a snapshot must be loaded with the same. */
export function firecrackerDevices(hasImage: boolean, hasNetwork: boolean): string[] {
  return [
    ...(hasImage ? ['drive:rootfs'] : []),
    ...(hasNetwork ? ['net:eth0'] : []),
    'vsock',
    'balloon',
  ];
}

/** `ip=` in the kernel's notation (nfsroot.rst). */
function guestIp({ guestAddress, hostAddress }: TapNetwork): string {
  return `ip=${guestAddress}::${hostAddress}:255.255.255.0::eth0:off`;
}

/** Firecracker's ids know letters, digits and dashes. */
function instanceId(name: string): string {
  return name.replace(/[^A-Za-z0-9-]/g, '-');
}

/** A load that fails ends Firecracker: say whether the snapshot or the engine was at fault. */
async function explainLoad(
  error: unknown,
  spec: RestoreSpec,
  started: Started | undefined,
): Promise<unknown> {
  if (!(error instanceof MicrovmError)) return error;
  if (error.code === 'VMM_GONE' && started !== undefined) {
    const exit = await started.process.exited;
    return new MicrovmError(
      'VMM_GONE',
      `Firecracker ended while it was restoring (${describeExit(exit)})`,
      { place: spec.state, hint: 'nothing was left behind: try again', cause: error },
    );
  }
  if (error.code === 'VMM_REFUSED' && /version/i.test(error.message)) {
    return new MicrovmError('SNAPSHOT_FOREIGN', error.message, {
      place: spec.state,
      hint: 'restore with the Firecracker version that made the snapshot',
      cause: error,
    });
  }
  return error.code === 'VMM_REFUSED'
    ? new MicrovmError('SNAPSHOT_DAMAGED', error.message, {
        place: spec.state,
        hint: 'state or memory do not fit this Firecracker; make the snapshot again',
        cause: error,
      })
    : error;
}
