// SPDX-License-Identifier: Apache-2.0
// Who uses which page: a bipartite graph between slots (pages of RAM) and owners (processes, their
// mappings and JVM areas, the kernel, the page cache), stored as two compressed sparse rows:
//
//   owners of slot s:  slotOwners[slotStart[s] .. slotStart[s + 1])     each owner at most once
//   slots of owner o:  ownerSlots[ownerStart[o] .. ownerStart[o + 1])   ascending
//
// `@rekindle/memory` answers whose one page is, exactly; this answers for all pages at once.
import {
  classIndex,
  eachFrameRun,
  type OwnerKind as FrameKind,
  type GuestMemory,
  PAGE_BYTES,
} from '@rekindle/memory';
import type { RamLayout } from './ram.ts';

/** What an owner is. `process`, `kernel` and `page cache` are the roots of the tree. */
export type PageOwnerKind = 'process' | 'kernel' | 'page cache' | 'area' | 'mapping' | 'part';

export interface PageOwner {
  readonly id: number;
  readonly kind: PageOwnerKind;
  readonly name: string;
  /** Process id; 0 for the kernel and -1 for the page cache, as fireCRaCer numbers them. */
  readonly pid: number;
  /** Id of the root this owner belongs to; its own id for a root. */
  readonly root: number;
  /** Virtual address where a mapping starts, bytes. */
  readonly start?: number;
}

/** The pages a process has in memory, by virtual address. Parallel columns. */
export interface AddressSpace {
  readonly virtual: Float64Array;
  readonly slot: Uint32Array;
}

export class PageGraph {
  readonly ram: RamLayout;
  readonly owners: readonly PageOwner[];
  readonly slotStart: Uint32Array;
  readonly slotOwners: Uint32Array;
  readonly ownerStart: Uint32Array;
  readonly ownerSlots: Uint32Array;
  /** Index into OWNER_CLASSES of `@rekindle/memory` for every slot. */
  readonly classes: Uint8Array;
  /** Number of roots that use a slot, at most 255. More than 1: shared. */
  readonly sharers: Uint8Array;
  readonly #memory: GuestMemory | undefined;

  constructor(memory: GuestMemory | undefined, ram: RamLayout) {
    this.#memory = memory;
    this.ram = ram;
    const edges = new Edges(ram, memory === undefined ? 0 : edgeBound(memory));
    if (memory !== undefined) {
      addProcesses(memory, edges);
      addFrames(memory, edges);
    }
    this.owners = edges.owners;
    const { start, owners } = edges.bySlot();
    this.slotStart = start;
    this.slotOwners = owners;
    const inverse = transpose(this.owners.length, start, owners);
    this.ownerStart = inverse.start;
    this.ownerSlots = inverse.slots;
    this.classes = classesOf(memory, ram);
    this.sharers = this.#countSharers();
  }

  /** Pages an owner has in memory. */
  residentPages(owner: number): number {
    return (this.ownerStart[owner + 1] ?? 0) - (this.ownerStart[owner] ?? 0);
  }

  /** Slots of an owner, ascending. A view: do not write. */
  slotsOf(owner: number): Uint32Array {
    return this.ownerSlots.subarray(this.ownerStart[owner], this.ownerStart[owner + 1]);
  }

  /** Owners of a slot. A view: do not write. */
  ownersOf(slot: number): Uint32Array {
    return this.slotOwners.subarray(this.slotStart[slot], this.slotStart[slot + 1]);
  }

  /** Owners that have pages and belong to nothing larger: processes by size, kernel, page cache. */
  roots(): PageOwner[] {
    const last = (owner: PageOwner) => (owner.kind === 'process' ? 0 : 1);
    return this.owners
      .filter((owner) => owner.root === owner.id && this.residentPages(owner.id) > 0)
      .sort((a, b) => last(a) - last(b) || this.residentPages(b.id) - this.residentPages(a.id));
  }

  /** The finer owners of a root that have pages, largest first. */
  childrenOf(root: number): PageOwner[] {
    return this.owners
      .filter((owner) => owner.root === root && owner.id !== root)
      .filter((owner) => this.residentPages(owner.id) > 0)
      .sort((a, b) => this.residentPages(b.id) - this.residentPages(a.id));
  }

  /** The pages of a process (a root of that kind), by virtual address. */
  addressSpaceOf(root: number): AddressSpace {
    const found: { virtual: number; slot: number }[] = [];
    const runs = this.#memory?.runs;
    const process = this.owners[root]?.kind === 'process' ? root : -1;
    for (let run = 0; run < (runs?.length ?? 0); run++) {
      if (runs!.process[run] !== process) continue;
      for (let page = 0; page < runs!.pages[run]!; page++) {
        const slot = this.ram.slotOf(runs!.guestPhysical[run]! + page * PAGE_BYTES);
        if (slot >= 0) found.push({ virtual: runs!.virtual[run]! + page * PAGE_BYTES, slot });
      }
    }
    found.sort((a, b) => a.virtual - b.virtual);
    return {
      virtual: Float64Array.from(found, (use) => use.virtual),
      slot: Uint32Array.from(found, (use) => use.slot),
    };
  }

  #countSharers(): Uint8Array {
    const sharers = new Uint8Array(this.ram.slots);
    for (let slot = 0; slot < sharers.length; slot++) {
      let roots = 0;
      for (const owner of this.ownersOf(slot)) if (this.owners[owner]!.root === owner) roots++;
      sharers[slot] = Math.min(roots, 255);
    }
    return sharers;
  }
}

/** (slot, owner) pairs while they are collected. */
class Edges {
  readonly owners: PageOwner[] = [];
  readonly ram: RamLayout;
  readonly #slot: Uint32Array;
  readonly #owner: Uint32Array;
  #length = 0;

  constructor(ram: RamLayout, bound: number) {
    this.ram = ram;
    this.#slot = new Uint32Array(bound);
    this.#owner = new Uint32Array(bound);
  }

  /** A new owner; `root` undefined makes it a root. @returns its id */
  owner(kind: PageOwnerKind, name: string, pid: number, root?: number, start?: number): number {
    const id = this.owners.length;
    const at = start === undefined ? {} : { start };
    this.owners.push({ id, kind, name, pid, root: root ?? id, ...at });
    return id;
  }

  add(slot: number, owner: number): void {
    this.#slot[this.#length] = slot;
    this.#owner[this.#length++] = owner;
  }

  /** Counting sort by slot; an owner that shows a page twice is listed once. */
  bySlot(): { start: Uint32Array; owners: Uint32Array } {
    const { slots } = this.ram;
    const first = new Uint32Array(slots + 1);
    for (let i = 0; i < this.#length; i++) first[this.#slot[i]! + 1]!++;
    for (let slot = 0; slot < slots; slot++) first[slot + 1]! += first[slot]!;
    const next = first.slice();
    const sorted = new Uint32Array(this.#length);
    for (let i = 0; i < this.#length; i++) sorted[next[this.#slot[i]!]!++] = this.#owner[i]!;
    // seen[o] === slot + 1: owner o has been listed for this slot.
    const seen = new Uint32Array(this.owners.length);
    const start = new Uint32Array(slots + 1);
    let length = 0;
    for (let slot = 0; slot < slots; slot++) {
      for (let i = first[slot]!; i < first[slot + 1]!; i++) {
        const owner = sorted[i]!;
        if (seen[owner] === slot + 1) continue;
        seen[owner] = slot + 1;
        sorted[length++] = owner;
      }
      start[slot + 1] = length;
    }
    return { start, owners: sorted.slice(0, length) };
  }
}

/** The owners of a process have its index in the capture as their root's id. */
function addProcesses(memory: GuestMemory, edges: Edges): void {
  const { processes, mappings, runs, jvms } = memory;
  for (const { pid, name, executable } of processes) {
    edges.owner('process', name || executable || `pid ${pid}`, pid);
  }
  const ownerOfMapping = new Int32Array(mappings.length).fill(-1);
  for (let mapping = 0; mapping < mappings.length; mapping++) {
    if (mappings.resident[mapping] === 0) continue;
    const process = mappings.process[mapping]!;
    const name = mappings.names[mappings.name[mapping]!] || '[anonymous]';
    const { pid } = processes[process]!;
    const start = mappings.start[mapping]!;
    ownerOfMapping[mapping] = edges.owner('mapping', name, pid, process, start);
  }
  const jvmOfProcess = new Map(jvms.map((jvm) => [jvm.process, jvm]));
  const areas = new Map<string, number>();
  const areaOwner = (process: number, virtual: number): number => {
    const area = jvmOfProcess.get(process)?.areaAt(virtual);
    if (area === undefined) return -1;
    const key = `${process} ${area}`;
    const known = areas.get(key);
    if (known !== undefined) return known;
    const id = edges.owner('area', area, processes[process]!.pid, process);
    areas.set(key, id);
    return id;
  };
  for (let run = 0; run < runs.length; run++) {
    const process = runs.process[run]!;
    const mapping = runs.mapping[run]!;
    for (let page = 0; page < runs.pages[run]!; page++) {
      const slot = edges.ram.slotOf(runs.guestPhysical[run]! + page * PAGE_BYTES);
      if (slot < 0) continue;
      edges.add(slot, process);
      const area = areaOwner(process, runs.virtual[run]! + page * PAGE_BYTES);
      if (area >= 0) edges.add(slot, area);
      if (mapping >= 0 && ownerOfMapping[mapping]! >= 0) edges.add(slot, ownerOfMapping[mapping]!);
    }
  }
}

function addFrames(memory: GuestMemory, edges: Edges): void {
  const kernel = edges.owner('kernel', 'kernel', 0);
  const pageCache = edges.owner('page cache', 'page cache', -1);
  const parts = new Map<string, number>();
  eachFrameRun(memory.frames, (frame, pages, kind, name) => {
    const root = rootOfKind(kind, kernel, pageCache);
    if (root < 0) return;
    const part = name || kind;
    const key = `${root} ${part}`;
    const owner = parts.get(key) ?? edges.owner('part', part, edges.owners[root]!.pid, root);
    parts.set(key, owner);
    for (let page = frame; page < frame + pages; page++) {
      const slot = edges.ram.slotOf(page * PAGE_BYTES);
      if (slot < 0) continue;
      edges.add(slot, root);
      edges.add(slot, owner);
    }
  });
}

function rootOfKind(kind: FrameKind, kernel: number, pageCache: number): number {
  switch (kind) {
    case 'file':
    case 'page cache':
      return pageCache;
    case 'anon':
    case 'free':
      return -1;
    default:
      return kernel;
  }
}

function edgeBound(memory: GuestMemory): number {
  let pages = 0;
  for (const count of memory.runs.pages) pages += count;
  return pages * 3 + memory.frames.count * 2;
}

function classesOf(memory: GuestMemory | undefined, ram: RamLayout): Uint8Array {
  const classes = new Uint8Array(ram.slots).fill(classIndex('unknown'));
  if (memory === undefined) return classes;
  const known = memory.ownership.classes;
  for (const { guestPhysical, bytes, firstSlot } of ram.ranges) {
    const frame = guestPhysical / PAGE_BYTES;
    classes.set(known.subarray(frame, frame + Math.ceil(bytes / PAGE_BYTES)), firstSlot);
  }
  return classes;
}

function transpose(
  count: number,
  slotStart: Uint32Array,
  slotOwners: Uint32Array,
): { start: Uint32Array; slots: Uint32Array } {
  const start = new Uint32Array(count + 1);
  for (const owner of slotOwners) start[owner + 1]!++;
  for (let owner = 0; owner < count; owner++) start[owner + 1]! += start[owner]!;
  const next = start.slice();
  const slots = new Uint32Array(slotOwners.length);
  for (let slot = 0; slot + 1 < slotStart.length; slot++) {
    for (let i = slotStart[slot]!; i < slotStart[slot + 1]!; i++) {
      slots[next[slotOwners[i]!]!++] = slot;
    }
  }
  return { start, slots };
}
