// SPDX-License-Identifier: Apache-2.0
// A run small enough to be checked by hand: sixteen pages of RAM.
//
//   frame   0 1   kernel text            frame  8      anon of nobody
//           2 3   slab                          9 10   page cache: libc.so
//           4 5   java, Java Heap               11     page cache: libc.so, mapped by java and bash
//           6     java, Code                    12     bash, stack
//           7     java, no area                 13-15  free
import { GuestMemoryBuilder, NO_METHODS, PAGE_BYTES } from '@rekindle/memory';
import { RamLayout } from '../ram.ts';
import { COPY, type FaultTable, makeRun, RACED, type Run, ZERO } from '../run.ts';
import { column, table } from '../table.ts';

export const MICROSECOND = 1000;

const HEAP = 0xf000_0000;
const CODE = 0x7fff_0000_0000;
const LIBC = 0x7fff_f7c0_0000;

export function drawnRun(): Run {
  const builder = new GuestMemoryBuilder();
  const frame = (n: number) => n * PAGE_BYTES;
  builder.addFrames(frame(0), 2, 'kernel text', 'Kernel code');
  builder.addFrames(frame(2), 2, 'slab');
  builder.addFrames(frame(4), 5, 'anon');
  builder.addFrames(frame(9), 3, 'page cache', '/lib/libc.so');
  builder.addFrames(frame(12), 1, 'anon');
  builder.addFrames(frame(13), 3, 'free');
  const bash = builder.addProcess(7, 'bash', '/bin/bash');
  const java = builder.addProcess(42, 'java', '/opt/jdk/bin/java');
  const map = (process: number, start: number, pages: number, name: string) =>
    builder.addMapping(process, start, start + pages * PAGE_BYTES, name);
  const heap = map(java, HEAP, 64, '');
  const code = map(java, CODE, 8, '');
  const javaLibc = map(java, LIBC, 16, '/lib/libc.so');
  const bashLibc = map(bash, LIBC, 16, '/lib/libc.so');
  const stack = map(bash, 0x7fff_ffff_0000, 8, '[stack]');
  builder.addPages(java, heap, HEAP, frame(4), 2, 1);
  builder.addPages(java, code, CODE, frame(6), 1, 1);
  builder.addPages(java, code, CODE + 4 * PAGE_BYTES, frame(7), 1, 1);
  builder.addPages(java, javaLibc, LIBC, frame(11), 1, 2);
  builder.addPages(bash, bashLibc, LIBC, frame(11), 1, 2);
  builder.addPages(bash, stack, 0x7fff_ffff_0000, frame(12), 1, 1);
  const regions = {
    length: 2,
    start: Float64Array.of(HEAP, CODE),
    end: Float64Array.of(HEAP + 64 * PAGE_BYTES, CODE + 4 * PAGE_BYTES),
    area: Uint32Array.of(0, 1),
    areas: ['Java Heap', 'Code'],
    committed: Float64Array.of(2 * PAGE_BYTES, PAGE_BYTES),
    parent: Int32Array.of(-1, -1),
  };
  builder.addJvm(42, regions, NO_METHODS);

  // Frame, action, write, start and duration in µs.
  const faults = [
    [0, COPY, 0, 100, 10],
    [4, COPY, 1, 120, 20],
    [11, COPY, 0, 150, 10],
    [14, ZERO, 1, 200, 5],
    [4, RACED, 0, 121, 3],
    [12, COPY, 0, 300, 40],
  ].sort((a, b) => a[3]! - b[3]!);
  const us = (values: number[]) => Float64Array.from(values, (value) => value * MICROSECOND);
  return makeRun({
    name: 'drawn',
    memory: builder.build(),
    ram: new RamLayout([{ guestPhysical: 0, bytes: 16 * PAGE_BYTES }]),
    faults: table('Page Faults', {
      ticks: column('Start', 'ns', us(faults.map((f) => f[3]!))),
      guestPhysical: column(
        'Guest Physical Address',
        'address',
        Float64Array.from(faults, (f) => frame(f[0]!)),
      ),
      action: column(
        'Action',
        'count',
        Uint8Array.from(faults, (f) => f[1]!),
      ),
      write: column(
        'Write',
        'flag',
        Uint8Array.from(faults, (f) => f[2]!),
      ),
      region: column('Region', 'count', new Int32Array(faults.length)),
      duration: column('Duration', 'ns', us(faults.map((f) => f[4]!))),
      vcpuThread: column('vCPU Thread', 'count', new Int32Array(faults.length).fill(77)),
    }),
    prefetches: table('Prefetches', {
      ticks: column('Start', 'ns', us([50])),
      guestPhysical: column('Guest Physical Address', 'address', Float64Array.of(frame(5))),
      pages: column('Pages', 'pages', Uint32Array.of(2)),
      action: column('Action', 'count', Uint8Array.of(COPY)),
      duration: column('Duration', 'ns', us([8])),
    }),
    removals: table('Pages Removed', {
      ticks: column('Start', 'ns', us([250])),
      guestPhysical: column('Guest Physical Address', 'address', Float64Array.of(frame(14))),
      bytes: column('Bytes', 'bytes', Float64Array.of(2 * PAGE_BYTES)),
    }),
    phases: table('VM Phases', {
      ticks: column('Start', 'ns', us([0, 60])),
      duration: column('Duration', 'ns', us([50, 30])),
      phase: column('Phase', 'text', ['load', 'resume']),
      vm: column('Virtual Machine', 'text', ['drawn', 'drawn']),
      engine: column('Engine', 'text', ['qemu', 'qemu']),
      accelerator: column('Accelerator', 'text', ['tcg', 'tcg']),
    }),
    probes: table('HTTP Probes', {
      ticks: column('Start', 'ns', us([100, 200])),
      duration: column('Duration', 'ns', us([50, 150])),
      status: column('Status', 'count', Int32Array.of(-1, 200)),
      attempt: column('Attempt', 'count', Int32Array.of(1, 2)),
      url: column('URL', 'text', ['http://172.16.0.2:8080/', 'http://172.16.0.2:8080/']),
    }),
  });
}

/** The first rows of a table of faults. */
export function firstRows(faults: FaultTable, rows: number): FaultTable {
  const columns = Object.entries(faults.columns).map(([name, each]) => {
    return [name, { ...each, values: each.values.subarray(0, rows) }];
  });
  return { ...faults, rows, columns: Object.fromEntries(columns) };
}
