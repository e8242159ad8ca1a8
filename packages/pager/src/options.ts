// SPDX-License-Identifier: Apache-2.0
import type { Takeover } from './custody.ts';
import type { Given } from './given.ts';
import type { GuestRange } from './guest-layout.ts';
import type { Readahead } from './memory-source.ts';
import { PagerError } from './pager-error.ts';

/**
 * What is installed ahead of demand, and what has to wait for it.
 * `on-demand`: nothing. `prefetch`: the working set, and the VM should be resumed once it is in.
 * `concurrent`: the working set while the VM runs, demand first. `hybrid`: the hot part before resume,
 * the rest behind. `all`: the whole memory before resume.
 */
export const PAGER_POLICIES: readonly ['on-demand', 'prefetch', 'concurrent', 'hybrid', 'all'] = [
  'on-demand',
  'prefetch',
  'concurrent',
  'hybrid',
  'all',
];
export type PagerPolicy = (typeof PAGER_POLICIES)[number];

/** What serves faults: the native loop, or the one in TypeScript, slower while it is young. */
export type LoopKind = 'native' | 'typescript';

/** Everything a pager process is told; plain data. */
export interface PagerOptions {
  /** Unix socket to listen on, at most 107 bytes; must not exist. */
  readonly socketPath: string;
  /** Memory of the snapshot: a memory file, a compact memory, or the http(s) address of one. */
  readonly memoryPath: string;
  /** Diff snapshots over it, oldest first: sparse files of the same size. */
  readonly diffPaths?: readonly string[];
  /**
   * File in memory (tmpfs, see {@link sharedPathFor}) that the clones of a snapshot share: made by the first of
   * them, removed by the last. Its VMM must map it: the preload library does, Firecracker cannot.
   */
  readonly sharedPath?: string;
  /** Local file in which pieces of a remote memory are kept. */
  readonly cachePath?: string;
  /** Where the recording goes (`.jfr`). */
  readonly recordPath?: string;
  /** Where fireCRaCer's text log goes. */
  readonly textLogPath?: string;
  readonly workingSetPath?: string;
  /** Default: `prefetch` with a working set, else `on-demand`. */
  readonly policy?: PagerPolicy;
  /** Milliseconds to wait for a complete handshake; default 10000. */
  readonly handshakeTimeoutMs?: number;
  /** Guest-physical layout from the snapshot's manifest; default: Firecracker's. */
  readonly regions?: readonly GuestRange[];
  /** SHA-256 of the memory file, hexadecimal, to hold the working set against. */
  readonly snapshotHash?: string;
  /**
   * Count prefetched pages that nobody touches, by the marks in the VMM's page table: right for an emulated
   * guest, too high for one that runs by KVM. Default false.
   */
  readonly measureWaste?: boolean;
  /** Default `willneed`. */
  readonly readahead?: Readahead;
  /** Default: `native` where it can be built; the notice `listening` says which and why. */
  readonly loop?: LoopKind;
}

/** What only the process that starts a pager tells it. */
export interface CustodyOptions {
  /** Serve on where a predecessor died. */
  readonly takeover?: Takeover;
  /**
   * What came with the request: `custody`, on which everything is given into custody after the handshake, and
   * `listener`, a socket that listens already, so that a VMM may start while we do; or what a predecessor left.
   */
  readonly given?: Given;
  /** No other VM is served in this process: the thread may block. */
  readonly alone?: boolean;
}

/** Options with every default filled in. */
export type ResolvedOptions = PagerOptions &
  CustodyOptions &
  Required<Pick<PagerOptions, 'policy' | 'handshakeTimeoutMs' | 'readahead' | 'snapshotHash'>>;

export function resolveOptions(options: PagerOptions & CustodyOptions): ResolvedOptions {
  const policy =
    options.policy ?? (options.workingSetPath === undefined ? 'on-demand' : 'prefetch');
  if (!PAGER_POLICIES.includes(policy)) {
    throw new PagerError('OPTIONS', `no policy ${policy}`, 'policy', PAGER_POLICIES.join(', '));
  }
  const needsSet = policy === 'prefetch' || policy === 'concurrent' || policy === 'hybrid';
  if (needsSet && options.workingSetPath === undefined) {
    throw new PagerError(
      'OPTIONS',
      `policy ${policy} needs a working set`,
      'policy',
      'build one with rekindle workingset build, or use on-demand or all',
    );
  }
  const handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
  if (!(handshakeTimeoutMs > 0)) {
    throw new PagerError('OPTIONS', `${handshakeTimeoutMs} ms`, 'handshake timeout');
  }
  return {
    ...options,
    policy,
    handshakeTimeoutMs,
    readahead: options.readahead ?? 'willneed',
    snapshotHash: options.snapshotHash ?? '',
  };
}
