// SPDX-License-Identifier: Apache-2.0
// A made-up guest with a made-up Java service in it: who owns which page, and which pages a restore of
// it touches. The shape follows published figures of a Petclinic; no number in it is measured.
import {
  type GuestMemory,
  GuestMemoryBuilder,
  type JvmMethods,
  type JvmRegions,
  type OwnerKind,
  PAGE_BYTES,
} from '@rekindle/memory';
import type { RamLayout } from '../ram.ts';

const MIB = 1024 ** 2;

/** One virtual range and how much of it is resident and touched by the restore. */
interface Area {
  readonly pid: number;
  readonly start: number;
  readonly bytes: number;
  readonly name: string;
  readonly category?: string;
  /** Resident share, 0 to 1. */
  readonly resident: number;
  /** Share of the resident pages that the restore touches. */
  readonly touched: number;
  /** File pages are shared with whoever maps the same name, and in the page cache. */
  readonly file?: boolean;
  /** Length of physically contiguous runs, pages. */
  readonly run?: number;
}

const JAVA = 214;
const CODE = 0x7fff9c000000;
/** Slot of the kernel's first page: it is loaded at 16 MiB. */
const KERNEL_TEXT = 0x1000000 / PAGE_BYTES;
const PROCESSES: readonly (readonly [number, string, string])[] = [
  [1, 'init', '/opt/tools/init'],
  [187, 'rekindle-agent', '/usr/sbin/rekindle-agent'],
  [JAVA, 'java', '/opt/jdk/bin/java'],
];
function area(
  pid: number,
  start: number,
  bytes: number,
  name: string,
  resident: number,
  touched: number,
  rest: Pick<Area, 'category' | 'file' | 'run'> = {},
): Area {
  return { pid, start, bytes, name, resident, touched, ...rest };
}

const AREAS: readonly Area[] = [
  area(1, 0x555555554000, 192 * 1024, '/opt/tools/init', 1, 0.05, { file: true }),
  area(1, 0x7ffff7c00000, 2 * MIB, '/usr/lib/libc.so.6', 0.6, 0.3, { file: true }),
  area(1, 0x7ffffffde000, 132 * 1024, '[stack]', 0.3, 0.5),
  area(187, 0x555555554000, 700 * 1024, '/usr/sbin/rekindle-agent', 1, 0.1, { file: true }),
  area(187, 0x7ffff7c00000, 2 * MIB, '/usr/lib/libc.so.6', 0.6, 0.3, { file: true }),
  area(187, 0x555555700000, 2 * MIB, '[heap]', 0.4, 0.1),
  area(JAVA, 0xf0a00000, 246 * MIB, '', 0.28, 0.062, { category: 'Java Heap', run: 96 }),
  area(JAVA, 0x7fff9c000000, 48 * MIB, '', 0.38, 0.26, { category: 'Code', run: 24 }),
  area(JAVA, 0x100000000, 13 * MIB, '/opt/jdk/lib/server/classes.jsa', 0.7, 0.2, {
    category: 'Shared class space',
    file: true,
    run: 64,
  }),
  area(JAVA, 0x101000000, 64 * MIB, '', 0.42, 0.09, { category: 'Metaspace', run: 8 }),
  area(JAVA, 0x7fff80000000, 36 * MIB, '', 0.05, 0.4, { category: 'Thread', run: 3 }),
  area(JAVA, 0x7fff7a000000, 12 * MIB, '', 0.7, 0.25, { category: 'GC', run: 32 }),
  area(JAVA, 0x7fff70000000, 18 * MIB, '', 0.5, 0.02, { category: 'Compiler', run: 12 }),
  area(JAVA, 0x7fff60000000, 14 * MIB, '', 0.5, 0.08, { category: 'Symbol', run: 12 }),
  area(JAVA, 0x7ffff5400000, 22 * MIB, '/opt/jdk/lib/server/libjvm.so', 0.72, 0.35, {
    file: true,
    run: 40,
  }),
  area(JAVA, 0x7ffff7c00000, 2 * MIB, '/usr/lib/libc.so.6', 0.6, 0.3, { file: true }),
];

/** Hands out page frames the way a running kernel does: mostly in short runs, all over the place. */
class Frames {
  readonly #next: () => number;
  readonly #ram: RamLayout;
  readonly #taken: Uint8Array;
  #slot = 0;
  #left = 0;

  constructor(ram: RamLayout, next: () => number) {
    this.#ram = ram;
    this.#next = next;
    this.#taken = new Uint8Array(ram.slots);
  }

  take(slot: number): void {
    this.#taken[slot] = 1;
  }

  isTaken(slot: number): boolean {
    return this.#taken[slot] === 1;
  }

  one(run: number): number {
    if (this.#left === 0) {
      this.#left = 1 + Math.floor(-Math.log(1 - this.#next()) * run);
      // Long-lived memory crowds into two thirds of RAM; the rest stays mostly free.
      const spread = this.#next() < 0.85 ? 0.62 : 0.97;
      this.#slot = Math.floor(this.#next() * this.#ram.slots * spread);
    }
    this.#left--;
    do this.#slot = (this.#slot + 1) % this.#ram.slots;
    while (this.#taken[this.#slot] === 1);
    this.#taken[this.#slot] = 1;
    return this.#slot;
  }

  stop(): void {
    this.#left = 0;
  }
}

/** A memory capture, and the slots that the restore touches, in order. */
export function syntheticGuest(
  ram: RamLayout,
  next: () => number,
): { memory: GuestMemory; touched: number[]; fresh: ReadonlySet<number> } {
  const builder = new GuestMemoryBuilder();
  const frames = new Frames(ram, next);
  const own = (slot: number, pages: number, kind: OwnerKind, name: string) => {
    builder.addFrames(ram.addressOf(slot), pages, kind, name);
    for (let i = 0; i < pages; i++) frames.take(slot + i);
  };
  own(0, 256, 'reserved', 'first MiB');
  own(KERNEL_TEXT, 2562, 'kernel text', 'Kernel code');
  own(KERNEL_TEXT + 3072, 1180, 'kernel', 'Kernel data');
  const groups: number[][] = [];
  const process = new Map<number, number>();
  for (const [pid, name, executable] of PROCESSES) {
    process.set(pid, builder.addProcess(pid, name, executable));
  }
  const files = new Map<string, number[]>();
  for (const area of AREAS) {
    const index = process.get(area.pid)!;
    const mapping = builder.addMapping(index, area.start, area.start + area.bytes, area.name);
    const shared = area.file ? files.get(area.name) : undefined;
    const slots = shared ?? residentSlots(area, frames, next);
    if (area.file && shared === undefined) {
      files.set(area.name, slots);
      for (const slot of slots) if (slot >= 0) own(slot, 1, 'page cache', area.name);
    }
    const group: number[] = [];
    let touching = false;
    slots.forEach((slot, page) => {
      // Touches come in stretches.
      if (next() < 0.3) touching = next() < area.touched;
      if (slot < 0) return;
      const virtual = area.start + page * PAGE_BYTES;
      builder.addPages(index, mapping, virtual, ram.addressOf(slot), 1, area.file ? 2 : 1);
      if (touching) group.push(slot);
    });
    groups.push(group);
  }
  const scatter = (kind: OwnerKind, name: string, count: number, run: number, touched: number) => {
    const group: number[] = [];
    for (let i = 0; i < count; i++) {
      const slot = frames.one(run);
      own(slot, 1, kind, name);
      if (next() < touched) group.push(slot);
    }
    frames.stop();
    groups.push(group);
  };
  scatter('slab', 'slab', 3200, 4, 0.18);
  scatter('page table', '', 420, 1, 0.5);
  scatter('page cache', '/opt/app/app.jar', 14_000, 200, 0.012);
  scatter('page cache', '/usr/lib/locale/locale-archive', 700, 60, 0);
  const kernelText: number[] = [];
  for (let i = 0; i < 2562; i++) if (next() < 0.22) kernelText.push(KERNEL_TEXT + i);
  const fresh = Array.from({ length: 380 }, () => frames.one(5));
  groups.push(kernelText.slice(160), fresh);
  builder.addJvm(JAVA, jvmRegions(), jvmMethods(next));
  builder.reachTo(ram.addressOf(ram.slots - 1) + PAGE_BYTES);
  const touched = [...new Set([...kernelText.slice(0, 160), ...interleave(groups, next)])];
  return { memory: builder.build(), touched, fresh: new Set(fresh) };
}

/** Slot of every page of an area, -1 where it is not resident; residency comes in stretches. */
function residentSlots(area: Area, frames: Frames, next: () => number): number[] {
  let resident = next() < area.resident;
  const slots = Array.from({ length: Math.floor(area.bytes / PAGE_BYTES) }, () => {
    if (next() < 0.12) resident = next() < area.resident;
    return resident ? frames.one(area.run ?? 16) : -1;
  });
  frames.stop();
  return slots;
}

/** Groups advance side by side, in bursts. */
function interleave(groups: readonly number[][], next: () => number): number[] {
  const heads = groups.map(() => 0);
  const order: number[] = [];
  const live = () => groups.flatMap((group, i) => (heads[i]! < group.length ? [i] : []));
  for (let open = live(); open.length > 0; open = live()) {
    const group = open[Math.floor(next() * open.length)]!;
    const burst = 1 + Math.floor(next() * 14);
    order.push(...groups[group]!.slice(heads[group], heads[group]! + burst));
    heads[group]! += burst;
  }
  return order;
}

function jvmRegions(): JvmRegions {
  const known = AREAS.filter(({ category }) => category !== undefined);
  return {
    length: known.length,
    start: Float64Array.from(known, ({ start }) => start),
    end: Float64Array.from(known, ({ start, bytes }) => start + bytes),
    area: Uint32Array.from(known, (_, i) => i),
    areas: known.map(({ category }) => category!),
    committed: Float64Array.from(known, ({ bytes }) => bytes),
    parent: new Int32Array(known.length).fill(-1),
  };
}

function jvmMethods(next: () => number): JvmMethods {
  const starts: number[] = [];
  const ends: number[] = [];
  for (let at = CODE; at < CODE + 18 * MIB; at = ends.at(-1)! + 64) {
    starts.push(at);
    ends.push(at + 256 + Math.floor(next() * 6000));
  }
  return {
    length: starts.length,
    start: Float64Array.from(starts),
    end: Float64Array.from(ends),
    level: Int32Array.from(starts, () => (next() < 0.3 ? 4 : 3)),
    method: Uint32Array.from(starts, (_, i) => i),
    methods: starts.map((_, i) => `org.example.Service${i % 97}.handle${i}()V`),
  };
}
