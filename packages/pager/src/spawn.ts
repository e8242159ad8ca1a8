// SPDX-License-Identifier: Apache-2.0

import type { PagerSummary } from './notices.ts';
import type { PagerOptions } from './options.ts';
import { PagerProcess } from './pager-process.ts';

/** What was installed before the VM may run. */
export interface Resumable {
  readonly pages: number;
  /** How long that took. */
  readonly nanos: number;
  /** What the VMM waited for faults of its own meanwhile, loading its state: no guest waits before it runs. */
  readonly stalled: number;
}

/** A VM's pager. Every promise rejects with a PagerError when it fails. */
export interface PagerHandle {
  /** Of the process that serves now; another one after a replacement. */
  readonly pid: number;
  /** How many pagers died under this VM and were replaced. */
  readonly replaced: number;
  /**
   * It is prepared. A VMM may be started before: the socket listens from the beginning, and a connection waits; but
   * not one that shares memory, whose file is made by now.
   */
  readonly ready: Promise<void>;
  /** A VMM has handed its memory over. */
  readonly connected: Promise<{ readonly pid: number; readonly bytes: number }>;
  /** What the policy wants installed before the VM runs is installed: resume now. */
  readonly resumable: Promise<Resumable>;
  /** The VM has ended (or lives on by itself after {@link stop}); so has a process that served it alone. */
  readonly done: Promise<PagerSummary>;
  /** Asks it to install the whole memory and to leave the VM to itself; before a VMM came, to end. */
  stop(): void;
  /** Ends it at once, for good. A VM that it serves is killed: it could only hang. */
  kill(): void;
}

/**
 * Starts a pager for one VM and watches over it: should its process die while it serves, another one takes over
 * with the descriptors and the ledger that are kept here. Only where that fails the VM is killed.
 * @throws PagerError OPTIONS for options that cannot work, SOCKET_IN_USE
 */
export function spawnPager(options: PagerOptions): PagerHandle {
  return PagerProcess.forOne(options);
}
