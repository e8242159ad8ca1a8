// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import {
  closeDescriptor,
  type FaultEngineFunctions,
  loadFaultEngine,
  UnixListener,
  UserFaultFd,
} from '@rekindle/linux';
import { now } from './clock.ts';
import { totalsOf } from './counters.ts';
import { giveIntoCustody, inheritedPeer } from './custody.ts';
import { lineChannel } from './descriptor-lines.ts';
import type { FaultLog } from './fault-log.ts';
import { Given } from './given.ts';
import { checkLayout, firecrackerLayout, type GuestRange } from './guest-layout.ts';
import type { Ledger } from './ledger.ts';
import type { MemorySource } from './memory-source.ts';
import { buildFaultEngine } from './native-build.ts';
import type { PagerNotice, PagerSummary } from './notices.ts';
import {
  type CustodyOptions,
  type LoopKind,
  type PagerOptions,
  type ResolvedOptions,
  resolveOptions,
} from './options.ts';
import { PagerError } from './pager-error.ts';
import { acceptPeer, killPeer, listenForPeer, type Peer } from './peer.ts';
import { Preparation } from './preparation.ts';
import { RegionTable } from './region-table.ts';
import { rehearse } from './rehearsal.ts';
import { serveNatively } from './serve-native.ts';
import { serveInTypeScript } from './serve-typescript.ts';
import type { ServiceEnd } from './service.ts';
import { checkShared, SharedPages } from './shared-pages.ts';
import { checkWorkingSet, decodeWorkingSet, type WorkingSet } from './working-set.ts';

/** How a pager is embedded. */
export interface PagerHost {
  /** Opens the log; called before listening, so that what it loads does not compete with the VM. */
  readonly openLog: (options: ResolvedOptions) => Promise<FaultLog>;
  readonly notify: (notice: PagerNotice) => void;
  /** Whether the pager has been asked to leave the VM. */
  readonly stopped: () => boolean;
  /** Resolves when it is asked to. */
  readonly stopping: Promise<void>;
  /** Resolves when the VM is to be ended. */
  readonly dropping: Promise<void>;
  /** Opens what the options name; several VMs may share it. */
  readonly openSource: (options: ResolvedOptions) => Promise<MemorySource>;
}

/** The loop to serve with, and the functions of the native one. */
interface Loop {
  readonly kind: LoopKind;
  readonly reason: string;
  readonly functions?: FaultEngineFunctions;
}

/** What only the native loop can do, for people; undefined: nothing that is wanted. */
function nativeOnly(options: ResolvedOptions, source: MemorySource): string | undefined {
  if (options.alone !== true) return 'a process that serves several VMs';
  if (source.lazy !== undefined) return 'a memory that is fetched bit by bit';
  return options.sharedPath === undefined ? undefined : 'memory that clones share';
}

async function chooseLoop(options: ResolvedOptions, source: MemorySource): Promise<Loop> {
  const wanted = options.loop;
  const native = nativeOnly(options, source);
  if (wanted === 'typescript') {
    if (native !== undefined) {
      throw new PagerError(
        'OPTIONS',
        `${native} needs the native loop`,
        source.name,
        'leave the loop to the pager',
      );
    }
    return { kind: 'typescript', reason: 'asked for' };
  }
  try {
    const functions = loadFaultEngine(await buildFaultEngine());
    return { kind: 'native', reason: wanted === undefined ? 'fastest' : 'asked for', functions };
  } catch (error) {
    if (wanted === 'native' || native !== undefined) throw error;
    return { kind: 'typescript', reason: (error as Error).message };
  }
}

/**
 * Serves one VM from its handshake to its end. With the loop in TypeScript the calling thread blocks:
 * nothing else gets to run in it but a few times a second.
 * @throws PagerError before serving; if serving itself fails, the VM is killed first, because a VM
 * without its pager hangs for ever
 */
export async function servePager(
  options: PagerOptions & CustodyOptions,
  host: PagerHost,
): Promise<PagerSummary> {
  const resolved = resolveOptions(options);
  const given = resolved.given ?? new Given();
  const owned: { close(): unknown }[] = [given];
  const own = <T extends { close(): unknown }>(made: T): T => {
    owned.push(made);
    return made;
  };
  try {
    const source = own(await host.openSource(resolved));
    const set = readWorkingSet(resolved);
    const layout = checkLayout(resolved.regions ?? firecrackerLayout(source.bytes), source.bytes);
    const loop = await chooseLoop(resolved, source);
    const log = own(await host.openLog(resolved));
    const shared = openShared(resolved, given, source.bytes);
    if (shared !== undefined) own(shared);
    const pageSize = resolved.takeover?.regions[0]?.pageSize ?? set?.pageSize ?? 4096;
    // Made while the VMM starts; made again should its pages turn out to have another size.
    const early = (): Preparation =>
      own(new Preparation(source, set, resolved.policy, pageSize, given.take('ledger')));
    const session = { resolved, given, source, layout, set, loop, log, host, shared };
    const { takeover } = resolved;
    return takeover === undefined
      ? await meetPeer(session, early)
      : await serveToEnd(inheritedPeer(takeover, given), { ...session, early: early() });
  } finally {
    for (const made of owned.reverse()) await made.close();
  }
}

interface Session {
  readonly resolved: ResolvedOptions;
  readonly given: Given;
  readonly source: MemorySource;
  readonly layout: readonly GuestRange[];
  readonly set: WorkingSet | undefined;
  readonly loop: Loop;
  readonly log: FaultLog;
  readonly host: PagerHost;
  readonly shared: SharedPages | undefined;
}

type Prepared = Session & { readonly early: Preparation };

/** Waits for the VM's VMM, prepares meanwhile, and serves it. */
async function meetPeer(session: Session, prepare: () => Preparation): Promise<PagerSummary> {
  const { resolved, given, loop, host } = session;
  const { socketPath, handshakeTimeoutMs } = resolved;
  const inherited = given.take('listener');
  const listener =
    inherited === undefined ? listenForPeer(socketPath) : UnixListener.adopt(inherited, socketPath);
  let early: Preparation;
  try {
    host.notify({ event: 'listening', socketPath, loop: loop.kind, reason: loop.reason });
    early = prepare();
    if (loop.functions !== undefined) await rehearse(loop.functions);
  } catch (error) {
    listener.close();
    throw error;
  }
  const stopping = Promise.race([host.stopping, host.dropping]);
  const peer = await acceptPeer(listener, handshakeTimeoutMs, stopping);
  return serveToEnd(peer, { ...session, early });
}

async function serveToEnd(peer: Peer, session: Prepared): Promise<PagerSummary> {
  const { log, loop, host } = session;
  let over = false;
  void host.dropping.then(() => over || killPeer(peer));
  try {
    const end = await servePeer(peer, session);
    const totals = { ...totalsOf(end.counters), wasted: end.wasted };
    log.summary(now(), totals);
    const wastedBy = end.wasted < 0 ? 'not counted' : 'page table';
    return { reason: end.reason, loop: loop.kind, lost: end.lost, wastedBy, ...totals };
  } catch (error) {
    killPeer(peer);
    throw error;
  } finally {
    over = true;
    closeDescriptor(peer.uffd);
    closeDescriptor(peer.socket);
    if (peer.process >= 0) closeDescriptor(peer.process);
  }
}

function openShared(
  { sharedPath }: ResolvedOptions,
  given: Given,
  bytes: number,
): SharedPages | undefined {
  if (sharedPath === undefined) return undefined;
  const inherited = given.take('shared');
  return inherited === undefined
    ? SharedPages.open(sharedPath, bytes)
    : SharedPages.adopt(inherited, sharedPath, bytes);
}

async function servePeer(peer: Peer, session: Prepared): Promise<ServiceEnd> {
  const { resolved, given, source, set, loop, host, early, shared } = session;
  const table = new RegionTable(peer.regions, source.bytes);
  const { pageSize, bytes } = table;
  checkShared(shared, peer.regions);
  if (set !== undefined) {
    const memory = { bytes, pageSize, snapshotHash: resolved.snapshotHash };
    checkWorkingSet(set, memory, resolved.workingSetPath ?? '');
  }
  const prepared =
    early.pageSize === pageSize ? early : early.again(source, set, resolved.policy, pageSize);
  try {
    const { ledger } = prepared;
    const uffd = new UserFaultFd(peer.uffd, ledger.messages);
    const custody = given.take('custody');
    if (custody !== undefined) giveIntoCustody(custody, peer, ledger.fd, shared?.fd);
    const announce = begin(peer, session, table, ledger, uffd);
    const parts = {
      ...session,
      ...prepared,
      peer,
      uffd,
      table,
      ended: () => lineChannel().receive(peer.socket)?.length === 0,
      resumable: (pages: number, nanos: number, stalled: number) => {
        announce();
        host.notify({ event: 'resumable', pages, nanos, stalled: Math.round(stalled) });
      },
      measureWaste: resolved.measureWaste === true,
      stopped: host.stopped,
      stopping: host.stopping,
      alone: resolved.alone === true,
    };
    return loop.functions === undefined
      ? await serveInTypeScript(parts)
      : await serveNatively(parts, loop.functions);
  } finally {
    prepared.close();
  }
}

/**
 * Repairs what a predecessor left undone. @returns what tells the host that we serve; it is called before long anyway:
 * not at once, because the host would take a processor from those that install pages now.
 */
function begin(
  { pid, regions }: Peer,
  { resolved, host }: Session,
  table: RegionTable,
  ledger: Ledger,
  uffd: UserFaultFd,
): () => void {
  const first = resolved.takeover === undefined;
  if (!first) {
    ledger.replayRemovals(table);
    // Faults that were read and never answered: their threads shall ask again.
    for (const region of regions) uffd.wake(region.hostVirtual, region.size);
  }
  const { bytes } = table;
  let told = false;
  const announce = (): void => {
    if (told) return;
    told = true;
    host.notify(
      first
        ? { event: 'connected', pid, regions: regions.length, bytes }
        : { event: 'took-over', pid, bytes },
    );
  };
  setImmediate(announce);
  return announce;
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
