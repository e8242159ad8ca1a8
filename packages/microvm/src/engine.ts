// SPDX-License-Identifier: Apache-2.0
// What every engine offers. Firecracker and QEMU differ in how; nobody above this file knows which one runs.

export type EngineName = 'qemu' | 'firecracker';
export type Accelerator = 'kvm' | 'tcg';

/** A stretch of guest RAM. All three are bytes and multiples of the page size. */
export interface MemoryRegion {
  readonly guestPhysical: number;
  readonly bytes: number;
  /** Where the region starts in the snapshot's memory file. */
  readonly fileOffset: number;
}

/** Who brings the memory of a restored VM: the VMM maps the file itself, or a pager answers its faults. */
export type MemoryBackend =
  | { readonly kind: 'file' }
  | {
      readonly kind: 'userfaultfd';
      /** Unix stream socket on which the pager already listens for Firecracker's handshake. */
      readonly socketPath: string;
      /** File in memory that clones share; the VMM maps it privately. */
      readonly sharedPath?: string | undefined;
    };

/** A TCP port of the guest made reachable from the host. */
export interface PortForward {
  readonly guestPort: number;
  /** Loopback port on the host; left out, a free one is taken. */
  readonly hostPort?: number | undefined;
}

/** A file the guest needs, with its hash when the caller knows it already (cache entries do). */
export interface GuestFile {
  readonly path: string;
  readonly sha256?: string | undefined;
}

export interface BootSpec {
  /** Names the VM and its state directory: letters, digits, dot, dash, underscore. */
  readonly name: string;
  readonly kernel: GuestFile;
  readonly initramfs?: GuestFile | undefined;
  /** Root file system, attached read-only as the first virtio disk; clones may share it. */
  readonly image?: GuestFile | undefined;
  /** Appended to the engine's own kernel command line. */
  readonly commandLine?: string | undefined;
  readonly memoryBytes: number;
  readonly vcpus?: number | undefined;
  readonly forwards?: readonly PortForward[] | undefined;
  readonly accelerator?: Accelerator | 'auto' | undefined;
  readonly watchdog?: BootWatchdog | undefined;
}

/** When a boot counts as hung: the console has not shown `marker` after `deadlineMs`. */
export interface BootWatchdog {
  /** Left out, any console output counts. */
  readonly marker?: RegExp | undefined;
  readonly deadlineMs: number;
  /** How often a hung boot is started again before it is an error. */
  readonly retries: number;
}

/** Why this accelerator: the answer of a probe, or of the user. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  readonly reason: string;
  /** True when an earlier probe of this boot of the host answered. */
  readonly cached: boolean;
}

export interface EngineProbe {
  readonly engine: EngineName;
  readonly available: boolean;
  readonly version: string | undefined;
  readonly binary: string | undefined;
  /** What is missing and how to mend it, when not available. */
  readonly problem: string | undefined;
}

/** Where the guest's agent listens on the host. */
export interface AgentChannel {
  readonly transport: 'virtio-serial' | 'vsock';
  readonly socketPath: string;
  /** vsock port, for the `CONNECT port` line that vsock sockets want first. */
  readonly port?: number | undefined;
}

export interface Endpoint {
  readonly guestPort: number;
  readonly host: string;
  readonly port: number;
}

export interface MachineExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True when we asked for it. */
  readonly expected: boolean;
  /** Last lines of the VMM's own log. */
  readonly log: string;
  /** Last lines of the guest's console. */
  readonly console: string;
}

export interface MachineStats {
  readonly running: boolean;
  /** Memory the guest may use now (balloon taken off), bytes. */
  readonly memoryBytes: number;
  /** Resident memory of the VMM process, bytes. */
  readonly residentBytes: number;
  /** CPU time of the VMM process, seconds. */
  readonly cpuSeconds: number;
}

/** What a snapshot must be restored with, beside its files; goes into the manifest as it is. */
export interface MachineIdentity {
  readonly engine: EngineName;
  readonly engineVersion: string;
  readonly accelerator: Accelerator;
  readonly machineType: string;
  readonly cpuModel: string;
  /** The host's CPU where the guest sees it (KVM), else undefined. */
  readonly hostCpu: string | undefined;
  readonly vcpus: number;
  readonly devices: readonly string[];
  readonly regions: readonly MemoryRegion[];
  readonly pageSize: number;
}

/** Guest files a restored VM opens again. */
export interface GuestFiles {
  readonly kernel: GuestFile;
  readonly initramfs: GuestFile | undefined;
  readonly image: GuestFile | undefined;
  readonly commandLine: string;
}

/** Files an engine writes when asked for a snapshot; the caller owns the directory and makes it whole. */
export interface SnapshotFiles {
  readonly state: string;
  readonly memory: string;
}

export interface MemoryWritten {
  /** Size of the memory file, holes included. */
  readonly bytes: number;
  /** Bytes that are not in a hole. */
  readonly dataBytes: number;
  readonly sha256: string;
}

/** One running (or paused) virtual machine. */
export interface Machine {
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly agent: AgentChannel | undefined;
  readonly consoleLog: string;
  /** Settles once the VMM process is gone and its state directory is removed; never rejects. */
  readonly exited: Promise<MachineExit>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Writes state and memory of the paused machine; both files are whole afterwards, but not yet synced. */
  snapshot(files: SnapshotFiles): Promise<MemoryWritten>;
  stats(): Promise<MachineStats>;
  /** Asks the guest to give memory back until `bytes` are left to it. */
  setBalloon(bytes: number): Promise<void>;
  /** Ends the VM at once and removes its state directory. */
  kill(): Promise<MachineExit>;
}

/** What is needed to bring a snapshot back, read from its directory. */
export interface RestoreSpec {
  readonly name: string;
  /** The VM's state directory, made by the caller (`claimDirectory`); removed when the VM ends or cannot be restored. */
  readonly directory: string;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly state: string;
  readonly memory: string;
  readonly forwards: readonly PortForward[];
  /** Calls it off: the VMM is ended wherever it is, and the restore fails. */
  readonly signal?: AbortSignal | undefined;
}

export interface Engine {
  readonly name: EngineName;
  probe(): Promise<EngineProbe>;
  /** Starts a VM; resolves when the guest shows life on its console. */
  boot(spec: BootSpec): Promise<Machine>;
  /** Loads a snapshot and leaves the VM paused; of guest memory only what devices share with it is touched. */
  restore(spec: RestoreSpec, backend: MemoryBackend): Promise<Machine>;
}
