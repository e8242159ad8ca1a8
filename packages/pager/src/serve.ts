// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { closeDescriptor, DescriptorChannel, mapAnonymous, UserFaultFd } from '@rekindle/linux';
import { now } from '@rekindle/recorder';
import { COUNTERS, totalsOf } from './counters.ts';
import type { FaultLog, PagerTotals } from './fault-log.ts';
import { FaultLoop, type LoopParts } from './fault-loop.ts';
import { checkLayout, firecrackerLayout } from './guest-layout.ts';
import { FileSource, type MemorySource } from './memory-source.ts';
import { type PagerOptions, type ResolvedOptions, resolveOptions } from './options.ts';
import { markHoles } from './page-states.ts';
import { PagerError } from './pager-error.ts';
import { acceptPeer, killPeer, listenForPeer, type Peer, turn } from './peer.ts';
import { Prefetcher, type PrefetchRun } from './prefetch.ts';
import { RegionTable } from './region-table.ts';
import { checkWorkingSet, decodeWorkingSet, type WorkingSet } from './working-set.ts';

/** What a pager tells while it works. Times are nanoseconds. */
export type PagerNotice =
  | { readonly event: 'listening'; readonly socketPath: string }
  | {
      readonly event: 'connected';
      /** The VMM's process, 0 when it cannot be seen. */
      readonly pid: number;
      readonly regions: number;
      readonly bytes: number;
    }
  /** The policy wants nothing more before the VM runs. */
  | { readonly event: 'resumable'; readonly pages: number; readonly nanos: number };

/** How it ended, and what it did. */
export interface PagerSummary extends PagerTotals {
  /** `vm-ended`, or `detached`: everything was installed and the VM goes on without a pager. */
  readonly reason: 'vm-ended' | 'detached';
}

/** How a pager is embedded. */
export interface PagerHost {
  /** Opens the log; called before listening. */
  readonly openLog: (options: ResolvedOptions) => Promise<FaultLog>;
  readonly notify: (notice: PagerNotice) => void;
  /** Whether the pager has been asked to leave the VM; looked at a few times a second and on signals. */
  readonly stopped: () => boolean;
}

/**
 * Serves one VM from its handshake to its end, in this thread. The thread blocks: nothing else gets
 * to run in it except between faults, a few times a second.
 * @throws PagerError before serving; if serving itself fails, the VM is killed first, because a VM
 * without its pager hangs for ever
 */
export async function servePager(options: PagerOptions, host: PagerHost): Promise<PagerSummary> {
  const resolved = resolveOptions(options);
  const source = new FileSource(resolved.memoryPath, resolved.readahead);
  let log: FaultLog | undefined;
  try {
    const workingSet = readWorkingSet(resolved);
    const layout = checkLayout(resolved.regions ?? firecrackerLayout(source.bytes), source.bytes);
    log = await host.openLog(resolved);
    const listener = listenForPeer(resolved.socketPath);
    host.notify({ event: 'listening', socketPath: resolved.socketPath });
    const peer = await acceptPeer(listener, resolved.handshakeTimeoutMs, host.stopped);
    const channel = new DescriptorChannel(64);
    const uffd = new UserFaultFd(peer.uffd);
    try {
      const table = new RegionTable(peer.regions, source.bytes);
      const states = new Uint8Array(source.bytes / table.pageSize);
      markHoles(states, source.extents, table.pageSize);
      const parts: LoopParts = {
        uffd,
        table,
        layout,
        source,
        states,
        counters: new Float64Array(COUNTERS),
        log,
        socket: peer.socket,
        ended: () => channel.receive(peer.socket)?.length === 0,
        process: peer.process,
      };
      if (workingSet !== undefined) {
        checkWorkingSet(
          workingSet,
          {
            bytes: source.bytes,
            pageSize: table.pageSize,
            snapshotHash: resolved.snapshotHash,
          },
          resolved.workingSetPath ?? '',
        );
      }
      host.notify({
        event: 'connected',
        pid: peer.pid,
        regions: peer.regions.length,
        bytes: table.bytes,
      });
      return await serve(parts, resolved, workingSet, host, peer);
    } catch (error) {
      killPeer(peer);
      throw error;
    } finally {
      uffd.close();
      closeDescriptor(peer.socket);
      if (peer.process >= 0) closeDescriptor(peer.process);
    }
  } finally {
    await log?.close();
    source.close();
  }
}

function readWorkingSet(options: ResolvedOptions): WorkingSet | undefined {
  const path = options.workingSetPath;
  if (path === undefined) return undefined;
  if (!existsSync(path)) {
    throw new PagerError(
      'WORKING_SET_INVALID',
      'there is no such file',
      path,
      'build one with rekindle workingset build',
    );
  }
  return decodeWorkingSet(readFileSync(path), path);
}

/** Every page that has data. */
function wholeMemory(source: MemorySource, pageSize: number): PrefetchRun[] {
  return source.extents.map(({ start, end }) => {
    const page = Math.floor(start / pageSize);
    return { page, pages: Math.ceil(end / pageSize) - page, zero: false };
  });
}

/** The runs a policy installs, and after how many of them the VM may run. */
function plan(
  options: ResolvedOptions,
  set: WorkingSet | undefined,
  source: MemorySource,
  pageSize: number,
): { runs: PrefetchRun[]; before: number } {
  if (options.policy === 'on-demand') return { runs: [], before: 0 };
  if (options.policy === 'all') {
    const runs = wholeMemory(source, pageSize);
    return { runs, before: runs.length };
  }
  const data = (set?.runs ?? []).map((run) => ({ ...run, zero: false }));
  const zero = (set?.zeroRuns ?? []).map((run) => ({ ...run, zero: true }));
  const hot = set?.hotRuns ?? 0;
  const runs = [...data.slice(0, hot), ...zero, ...data.slice(hot)];
  const before =
    options.policy === 'prefetch' ? runs.length : options.policy === 'hybrid' ? hot : 0;
  return { runs, before };
}

async function serve(
  parts: LoopParts,
  options: ResolvedOptions,
  set: WorkingSet | undefined,
  host: PagerHost,
  peer: Peer,
): Promise<PagerSummary> {
  const { pageSize } = parts.table;
  // ZEROPAGE does not work on huge pages: copy from a page of zeroes instead.
  const zeroes = pageSize === 4096 ? undefined : mapAnonymous(pageSize);
  const zeroPage = zeroes?.address ?? 0;
  try {
    const { runs, before } = plan(options, set, parts.source, pageSize);
    const loop = new FaultLoop(parts, zeroPage);
    const start = now();
    let work = new Prefetcher(parts, runs, zeroPage, before);
    let resumable = false;
    let detaching = false;
    for (;;) {
      if (!resumable && work.completed >= before) {
        resumable = true;
        const { prefetched } = totalsOf(parts.counters);
        host.notify({ event: 'resumable', pages: prefetched, nanos: now() - start });
      }
      if (loop.run(work.finished ? undefined : work) === 'peer-gone') {
        return summarize(parts, 'vm-ended');
      }
      await turn();
      if (detaching && work.finished) {
        for (const region of peer.regions) parts.uffd.unregister(region.hostVirtual, region.size);
        return summarize(parts, 'detached');
      }
      if (host.stopped() && !detaching) {
        detaching = true;
        work = new Prefetcher(parts, wholeMemory(parts.source, pageSize), zeroPage);
      }
    }
  } finally {
    zeroes?.unmap();
  }
}

function summarize(parts: LoopParts, reason: PagerSummary['reason']): PagerSummary {
  const totals = totalsOf(parts.counters);
  parts.log.summary(now(), totals);
  return { reason, ...totals };
}
