// SPDX-License-Identifier: Apache-2.0
import { MemoryError } from './error.ts';
import { type FrameTable, kindCode, type OwnerKind, PAGE_BYTES } from './frames.ts';
import { float64, int32, StringTable, uint8, uint32 } from './growing.ts';
import { GuestMemory, type GuestProcess, type ProcessIndex } from './guest-memory.ts';
import { JvmLayout, type JvmMethods, type JvmRegions } from './jvm-layout.ts';

/** Largest guest physical address accepted unless told otherwise: a frame costs five bytes here. */
export const DEFAULT_MAX_PHYSICAL_BYTES: number = 256 * 2 ** 30;

/** Most pages of processes accepted (512 GiB of them), so that overlapping runs cannot fill memory. */
const MAX_PROCESS_PAGES = 2 ** 27;

/** Collects what is known of a guest's memory, in any order, and makes a `GuestMemory` of it. */
export class GuestMemoryBuilder {
  readonly #maxFrames: number;
  readonly #processes: GuestProcess[] = [];
  readonly #byPid = new Map<number, ProcessIndex>();
  readonly #mapping = { process: uint32(), start: float64(), end: float64(), name: uint32() };
  readonly #mappingNames = new StringTable();
  readonly #run = {
    process: uint32(),
    mapping: int32(),
    virtual: float64(),
    guestPhysical: float64(),
    pages: uint32(),
    flags: uint8(),
  };
  readonly #frame = { start: uint32(), pages: uint32(), kind: uint8(), name: uint32() };
  readonly #frameNames = new StringTable();
  readonly #jvms: { pid: number; regions: JvmRegions; methods: JvmMethods }[] = [];
  #frames = 0;
  #processPages = 0;

  constructor(options: { maxPhysicalBytes?: number } = {}) {
    this.#maxFrames = Math.floor(
      (options.maxPhysicalBytes ?? DEFAULT_MAX_PHYSICAL_BYTES) / PAGE_BYTES,
    );
    this.#frameNames.add('');
  }

  /** A process; its index is used below. A pid that was there already gives its index. */
  addProcess(pid: number, name: string, executable: string): ProcessIndex {
    const known = this.#byPid.get(pid);
    if (known !== undefined) return known;
    const index = this.#processes.length;
    this.#processes.push({ pid, name, executable });
    this.#byPid.set(pid, index);
    return index;
  }

  processOfPid(pid: number): ProcessIndex | undefined {
    return this.#byPid.get(pid);
  }

  get processes(): readonly GuestProcess[] {
    return this.#processes;
  }

  addMapping(process: ProcessIndex, start: number, end: number, name: string): number {
    const columns = this.#mapping;
    columns.process.push(process);
    columns.start.push(start);
    columns.end.push(end);
    columns.name.push(this.#mappingNames.add(name));
    return columns.process.length - 1;
  }

  /** A run of pages; one that continues the run before it is joined to it. */
  addPages(
    process: ProcessIndex,
    mapping: number,
    virtual: number,
    guestPhysical: number,
    pages: number,
    flags: number,
  ): void {
    this.#reach(guestPhysical, pages);
    this.#processPages += pages;
    if (this.#processPages > MAX_PROCESS_PAGES) {
      throw new MemoryError(
        'bad-guest-memory',
        `processes with more than ${MAX_PROCESS_PAGES} pages in memory`,
        {},
        'the capture is damaged: no guest of this size maps so many pages',
      );
    }
    const run = this.#run;
    const last = run.process.length - 1;
    if (last >= 0) {
      const bytes = run.pages.get(last) * PAGE_BYTES;
      if (
        run.virtual.get(last) + bytes === virtual &&
        run.guestPhysical.get(last) + bytes === guestPhysical &&
        run.process.get(last) === process &&
        run.mapping.get(last) === mapping &&
        run.flags.get(last) === flags
      ) {
        run.pages.set(last, run.pages.get(last) + pages);
        return;
      }
    }
    run.process.push(process);
    run.mapping.push(mapping);
    run.virtual.push(virtual);
    run.guestPhysical.push(guestPhysical);
    run.pages.push(pages);
    run.flags.push(flags);
  }

  /** The owner of a run of frames; what is said later of a frame replaces what was said before. */
  addFrames(guestPhysical: number, pages: number, kind: OwnerKind, name = ''): void {
    this.#reach(guestPhysical, pages);
    const columns = this.#frame;
    const code = kindCode(kind)!;
    const start = Math.floor(guestPhysical / PAGE_BYTES);
    const nameIndex = this.#frameNames.add(name);
    const last = columns.start.length - 1;
    if (
      last >= 0 &&
      columns.start.get(last) + columns.pages.get(last) === start &&
      columns.kind.get(last) === code &&
      columns.name.get(last) === nameIndex
    ) {
      columns.pages.set(last, columns.pages.get(last) + pages);
      return;
    }
    columns.start.push(start);
    columns.pages.push(pages);
    columns.kind.push(code);
    columns.name.push(nameIndex);
  }

  /** Guest physical memory ends at `bytes` or beyond, even if nothing is known of its last frames. */
  reachTo(bytes: number): void {
    if (bytes > 0) this.#reach(0, Math.ceil(bytes / PAGE_BYTES));
  }

  /** What the JVM with this pid says of its memory. */
  addJvm(pid: number, regions: JvmRegions, methods: JvmMethods): void {
    this.#jvms.push({ pid, regions, methods });
  }

  build(): GuestMemory {
    const run = this.#run;
    const mappings = {
      length: this.#mapping.process.length,
      process: this.#mapping.process.finish(),
      start: this.#mapping.start.finish(),
      end: this.#mapping.end.finish(),
      name: this.#mapping.name.finish(),
      names: this.#mappingNames.strings,
      resident: new Uint32Array(this.#mapping.process.length),
    };
    for (let i = 0; i < run.process.length; i++) {
      const mapping = run.mapping.get(i);
      if (mapping >= 0) mappings.resident[mapping]! += run.pages.get(i);
    }
    return new GuestMemory({
      processes: this.#processes,
      mappings,
      runs: {
        length: run.process.length,
        process: run.process.finish(),
        mapping: run.mapping.finish(),
        virtual: run.virtual.finish(),
        guestPhysical: run.guestPhysical.finish(),
        pages: run.pages.finish(),
        flags: run.flags.finish(),
      },
      frames: this.#paint(),
      jvms: this.#jvms.map(({ pid, regions, methods }) => {
        const process = this.#byPid.get(pid);
        return new JvmLayout(pid, process ?? -1, regions, methods);
      }),
    });
  }

  #paint(): FrameTable {
    const columns = this.#frame;
    const kind = new Uint8Array(this.#frames);
    const name = new Uint32Array(this.#frames);
    for (let i = 0; i < columns.start.length; i++) {
      const start = columns.start.get(i);
      const end = start + columns.pages.get(i);
      kind.fill(columns.kind.get(i), start, end);
      name.fill(columns.name.get(i), start, end);
    }
    return { count: this.#frames, kind, name, names: this.#frameNames.strings };
  }

  #reach(guestPhysical: number, pages: number): void {
    const end = Math.floor(guestPhysical / PAGE_BYTES) + pages;
    if (!(guestPhysical >= 0 && pages > 0 && end <= this.#maxFrames)) {
      throw new MemoryError(
        'address-too-large',
        `${pages} pages at guest physical address ${guestPhysical} do not lie in ` +
          `${(this.#maxFrames * PAGE_BYTES) / 2 ** 30} GiB`,
        {},
        'for a larger guest give maxPhysicalBytes',
      );
    }
    if (end > this.#frames) this.#frames = end;
  }
}
