// SPDX-License-Identifier: Apache-2.0
// A run from a recording.
import {
  FAULT_ACTIONS,
  HttpProbe,
  PageFault,
  PagerSummary,
  PagesRemoved,
  Prefetch,
  VM_PHASES,
  VmPhase,
} from '@rekindle/events';
import type { Chunk, Recording } from '@rekindle/jfr';
import { readCapture } from '@rekindle/memory';
import { AnalysisError } from './error.ts';
import { EventRows } from './event-rows.ts';
import { makeRun, type Run } from './run.ts';
import { column, table } from './table.ts';

const RUN_EVENTS = [PageFault, Prefetch, PagesRemoved, PagerSummary, VmPhase, HttpProbe];

export interface LoadOptions {
  /** What to call the run; usually the file's name. */
  readonly name?: string;
}

/**
 * Reads a recording as a run. A recording that holds a memory capture only is a run without faults.
 *
 * @throws {AnalysisError} `no-run` when it holds neither page faults, nor prefetches, nor a capture
 */
export async function loadRun(recording: Recording, options: LoadOptions = {}): Promise<Run> {
  const name = options.name ?? 'recording';
  const chunks: Chunk[] = [];
  for await (const chunk of recording.chunks()) {
    if (RUN_EVENTS.some((event) => chunk.count(event.name) > 0)) chunks.push(chunk);
  }
  const memory = await readCapture(recording);
  const rows = {
    faults: new EventRows(chunks, PageFault),
    prefetches: new EventRows(chunks, Prefetch),
    removals: new EventRows(chunks, PagesRemoved),
    phases: new EventRows(chunks, VmPhase),
    probes: new EventRows(chunks, HttpProbe),
  };
  if (rows.faults.length + rows.prefetches.length === 0 && memory === undefined) {
    throw new AnalysisError(
      'no-run',
      name,
      'no page faults and no memory capture in this recording',
      'record a restore: rekindle restore DIR --record FILE.jfr',
    );
  }
  const origin = Object.values(rows).reduce<bigint | undefined>((first, { earliest }) => {
    if (first === undefined) return earliest;
    return earliest !== undefined && earliest < first ? earliest : first;
  }, undefined);
  const counted = new EventRows(chunks, PagerSummary).sum('faults');
  const unrecorded = Math.max(0, counted - rows.faults.length);
  return makeRun({ name, memory, unrecorded, ...tables(rows, origin ?? 0n) });
}

function tables(
  rows: Record<'faults' | 'prefetches' | 'removals' | 'phases' | 'probes', EventRows>,
  origin: bigint,
) {
  const { faults, prefetches, removals, phases, probes } = rows;
  const start = (of: EventRows) => column('Start', 'ns', of.ticks(origin));
  const place = (of: EventRows) =>
    column('Guest Physical Address', 'address', of.numbers('guestPhysical'));
  const duration = (of: EventRows) => column('Duration', 'ns', of.nanos('duration'));
  const action = (of: EventRows) =>
    column(
      'Action',
      'count',
      Uint8Array.from(of.codes('action', FAULT_ACTIONS), (c) => Math.max(c, 0)),
    );
  return {
    faults: table('Page Faults', {
      ticks: start(faults),
      guestPhysical: place(faults),
      action: action(faults),
      write: column('Write', 'flag', Uint8Array.from(faults.numbers('write'))),
      region: column('Region', 'count', Int32Array.from(faults.numbers('region'))),
      duration: duration(faults),
      vcpuThread: column('vCPU Thread', 'count', Int32Array.from(faults.numbers('vcpuThread'))),
    }),
    prefetches: table('Prefetches', {
      ticks: start(prefetches),
      guestPhysical: place(prefetches),
      pages: column('Pages', 'pages', Uint32Array.from(prefetches.numbers('pages'))),
      action: action(prefetches),
      duration: duration(prefetches),
    }),
    removals: table('Pages Removed', {
      ticks: start(removals),
      guestPhysical: place(removals),
      bytes: column('Bytes', 'bytes', removals.numbers('bytes')),
    }),
    phases: table('VM Phases', {
      ticks: start(phases),
      duration: duration(phases),
      phase: column('Phase', 'text', phaseNames(phases)),
      vm: column('Virtual Machine', 'text', phases.texts('vm')),
      engine: column('Engine', 'text', phases.texts('engine')),
      accelerator: column('Accelerator', 'text', phases.texts('accelerator')),
    }),
    probes: table('HTTP Probes', {
      ticks: start(probes),
      duration: duration(probes),
      status: column('Status', 'count', Int32Array.from(probes.numbers('status'))),
      attempt: column('Attempt', 'count', Int32Array.from(probes.numbers('attempt'))),
      url: column('URL', 'text', probes.texts('url')),
    }),
  };
}

function phaseNames(phases: EventRows): string[] {
  return Array.from(phases.codes('phase', VM_PHASES), (code) => VM_PHASES[code] ?? '');
}
