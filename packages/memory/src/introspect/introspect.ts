// SPDX-License-Identifier: Apache-2.0
// A guest's memory explained by itself: processes, mappings, pages and the owner of every frame, from
// the raw memory file of a snapshot.
//
// How it fails: a value is that of the instant of the snapshot, so a page can be between two lists; what
// is swapped out is not in memory; free frames kept on a CPU's list count as the kernel's, as in
// /proc/kpageflags. x86-64 only.
import { PAGE_BYTES } from '../frames.ts';
import { type GuestMemory, PAGE_EXCLUSIVE, PAGE_FILE_OR_SHARED } from '../guest-memory.ts';
import { GuestMemoryBuilder } from '../guest-memory-builder.ts';
import { type Area, readAreas } from './areas.ts';
import { findKernel } from './find-kernel.ts';
import { type FrameOwnerKind, frameOwners } from './frame-owners.ts';
import type { GuestKernel } from './guest-kernel.ts';
import { hotspotLayout } from './hotspot.ts';
import { PageCache } from './page-cache.ts';
import { type PageFrames, readPageFrames, symbol } from './page-frames.ts';
import { PageTables } from './page-tables.ts';
import { Paths } from './paths.ts';
import { type MemoryRegion, PhysicalMemory, type SyncByteSource } from './physical-memory.ts';
import { ProcessMemory } from './process-memory.ts';

const MAX_TASKS = 4 << 20;
const USER_END = 2 ** 56;
const IMAGE_START = 0xffff_ffff_8000_0000;
const IMAGE_END = 0xffff_ffff_c000_0000;

export interface Introspection {
  readonly memory: GuestMemory;
  /** Release of the guest's kernel, for example 6.1.0-56-cloud-amd64. */
  readonly kernelRelease: string;
  /** Levels of the guest's page tables. */
  readonly pageTableLevels: 4 | 5;
  /** Tasks found, kernel threads among them. */
  readonly tasks: number;
}

export interface IntrospectOptions {
  /** Where in guest physical memory the parts of the file lie. Default: all of it from address 0 on. */
  readonly regions?: readonly MemoryRegion[];
}

/** Explains a guest's memory. Throws MemoryError when there is no kernel in it that is understood. */
export function introspect(source: SyncByteSource, options: IntrospectOptions = {}): Introspection {
  const memory = new PhysicalMemory(source, options.regions);
  const { kernel, initTask, vmcoreinfo } = findKernel(memory);
  const levels = vmcoreinfo.get('NUMBER(pgtable_l5_enabled)') === '1' ? 5 : 4;
  const tables = new PageTables(memory, levels);
  const root = symbol(kernel, vmcoreinfo, 'swapper_pg_dir');
  const frames = readPageFrames(kernel, tables, root, vmcoreinfo);
  const builder = new GuestMemoryBuilder({ maxPhysicalBytes: frames.count * PAGE_BYTES });
  const walk = new ProcessWalk(kernel, tables, frames, builder);
  const tasks = walk.all(initTask);
  const kinds = frameOwners(frames, kernel.btf);
  addFrameOwners(kernel, frames, kinds, walk, builder);
  addKernelImage(tables, root, kinds, builder);
  return {
    memory: builder.build(),
    kernelRelease: vmcoreinfo.get('OSRELEASE') ?? '',
    pageTableLevels: levels,
    tasks,
  };
}

/** Processes, their areas and their pages. */
class ProcessWalk {
  readonly paths: Paths;
  /** 1 for every frame that a process maps. */
  readonly mapped: Uint8Array;
  readonly #kernel: GuestKernel;
  readonly #tables: PageTables;
  readonly #frames: PageFrames;
  readonly #builder: GuestMemoryBuilder;
  readonly #cache: PageCache;
  readonly #task;
  readonly #mm;

  constructor(
    kernel: GuestKernel,
    tables: PageTables,
    frames: PageFrames,
    builder: GuestMemoryBuilder,
  ) {
    this.paths = new Paths(kernel);
    this.mapped = new Uint8Array(frames.count);
    this.#kernel = kernel;
    this.#tables = tables;
    this.#frames = frames;
    this.#builder = builder;
    this.#cache = new PageCache(kernel, frames);
    const { btf } = kernel;
    this.#task = {
      tasks: btf.offset('task_struct', 'tasks'),
      comm: btf.offset('task_struct', 'comm'),
      pid: btf.offset('task_struct', 'pid'),
      mm: btf.offset('task_struct', 'mm'),
    };
    this.#mm = {
      pgd: btf.offset('mm_struct', 'pgd'),
      exe: btf.offset('mm_struct', 'exe_file'),
      startBrk: btf.offset('mm_struct', 'start_brk'),
      brk: btf.offset('mm_struct', 'brk'),
      startStack: btf.offset('mm_struct', 'start_stack'),
    };
  }

  /** Every process of init_task's list; returns the number of tasks on it. */
  all(initTask: number): number {
    let tasks = 1;
    for (const node of this.#kernel.list(initTask + this.#task.tasks, MAX_TASKS)) {
      tasks++;
      const task = node - this.#task.tasks;
      const mm = this.#kernel.follow(task + this.#task.mm);
      if (mm > 0) this.#process(task, mm);
    }
    return tasks;
  }

  #process(task: number, mm: number): void {
    const kernel = this.#kernel;
    const pid = kernel.memory.u32(task + this.#task.pid);
    const name = kernel.memory.text(task + this.#task.comm, 16);
    const exe = kernel.follow(mm + this.#mm.exe);
    const process = this.#builder.addProcess(pid, name, exe > 0 ? this.paths.ofFile(exe) : '');
    const areas = readAreas(kernel, mm);
    const mappings = areas.map((area) => {
      const label = area.file > 0 ? this.paths.ofFile(area.file) : this.#label(mm, area);
      return this.#builder.addMapping(process, area.start, area.end, label);
    });
    const root = kernel.follow(mm + this.#mm.pgd);
    if (root <= 0) return;
    this.#pages(root, process, areas, mappings);
    this.#jvm(root, pid, areas);
  }

  /** A process that has libjvm.so is asked what it knows of its areas, as it lies there. */
  #jvm(root: number, pid: number, areas: readonly Area[]): void {
    const named = areas.map(({ start, end, writable, file }) => {
      return { start, end, writable, file: file > 0 ? this.paths.ofFile(file) : '' };
    });
    const library = areas.findIndex(
      ({ filePage }, index) => filePage === 0 && named[index]!.file.endsWith('/libjvm.so'),
    );
    if (library < 0) return;
    const memory = new ProcessMemory(this.#kernel, this.#tables, root, areas, this.#cache);
    const jvm = hotspotLayout(memory, areas[library]!.start, named);
    if (jvm !== undefined) this.#builder.addJvm(pid, jvm.regions, jvm.methods);
  }

  #pages(root: number, process: number, areas: readonly Area[], mappings: readonly number[]): void {
    let current = 0;
    this.#tables.walk(root, 0, USER_END, (page) => {
      for (let i = 0; i < page.pages; i++) {
        const virtual = page.virtual + i * PAGE_BYTES;
        const physical = page.physical + i * PAGE_BYTES;
        const frame = physical / PAGE_BYTES;
        // Devices are mapped too; only memory has frames.
        if (frame >= this.#frames.count) continue;
        while (current < areas.length && areas[current]!.end <= virtual) current++;
        const inside = current < areas.length && areas[current]!.start <= virtual;
        const mapping = inside ? mappings[current]! : -1;
        this.mapped[frame] = 1;
        this.#builder.addPages(process, mapping, virtual, physical, 1, this.#flags(frame));
      }
    });
  }

  /** The names that /proc/PID/maps gives to areas without a file. */
  #label(mm: number, area: { start: number; end: number; special: string }): string {
    if (area.special !== '') return area.special;
    const kernel = this.#kernel;
    const startBrk = kernel.u64(mm + this.#mm.startBrk);
    if (area.start <= kernel.u64(mm + this.#mm.brk) && area.end >= startBrk) return '[heap]';
    const stack = kernel.u64(mm + this.#mm.startStack);
    return area.start <= stack && stack <= area.end ? '[stack]' : '';
  }

  /** What /proc/PID/pagemap says in bits 56 and 61. */
  #flags(frame: number): number {
    const frames = this.#frames;
    const anonymous = (frames.mappingLow[frames.head[frame]!]! & 1) !== 0;
    const exclusive = frames.mapcount[frame] === 0;
    return (exclusive ? PAGE_EXCLUSIVE : 0) | (anonymous ? 0 : PAGE_FILE_OR_SHARED);
  }
}

function addFrameOwners(
  kernel: GuestKernel,
  frames: PageFrames,
  kinds: readonly (FrameOwnerKind | undefined)[],
  walk: ProcessWalk,
  builder: GuestMemoryBuilder,
): void {
  const names = new Map<number, string>();
  for (let frame = 0; frame < frames.count; frame++) {
    const kind = kinds[frame];
    if (kind === undefined) continue;
    const address = frame * PAGE_BYTES;
    if (kind !== 'file') {
      builder.addFrames(address, 1, kind);
      continue;
    }
    const head = frames.head[frame]!;
    const space = kernel.physical(frames.mappingHigh[head]!, frames.mappingLow[head]!);
    let name = names.get(space);
    if (name === undefined) {
      name = space > 0 ? walk.paths.ofAddressSpace(space) : '';
      names.set(space, name);
    }
    builder.addFrames(address, 1, walk.mapped[frame] === 1 ? 'file' : 'page cache', name);
  }
}

/**
 * The image's own mapping tells its parts by their rights. What boot left over was freed but stays mapped
 * (arch/x86/mm/init.c, free_kernel_image_pages): only reserved frames are the image still.
 */
function addKernelImage(
  tables: PageTables,
  root: number,
  kinds: readonly (FrameOwnerKind | undefined)[],
  builder: GuestMemoryBuilder,
): void {
  tables.walk(root, IMAGE_START, IMAGE_END, (page) => {
    const kind = page.executable ? 'kernel text' : 'kernel';
    const data = page.writable ? 'Kernel data' : 'Kernel rodata';
    for (let i = 0; i < page.pages; i++) {
      const address = page.physical + i * PAGE_BYTES;
      if (kinds[address / PAGE_BYTES] !== 'reserved') continue;
      builder.addFrames(address, 1, kind, page.executable ? 'Kernel code' : data);
    }
  });
}
