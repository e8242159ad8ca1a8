// SPDX-License-Identifier: Apache-2.0
// Whose page is it: for one address everything that is known, for all frames one class each.
import { kindOf, type OwnerKind, PAGE_BYTES } from './frames.ts';
import type { GuestMemory, GuestProcess } from './guest-memory.ts';
import type { JvmLayout } from './jvm-layout.ts';
import {
  belongsToKernel,
  classIndex,
  classOfFrameKind,
  classOfJvmArea,
  OWNER_CLASSES,
  type OwnerClass,
} from './owner-class.ts';

/** One way in which a process shows a page frame. */
export interface PageUse {
  readonly process: GuestProcess;
  /** Virtual address of the page in that process. */
  readonly virtual: number;
  /** Name of the mapping, empty for an anonymous one; undefined when the page lies in none. */
  readonly mapping: string | undefined;
  readonly jvmArea: string | undefined;
  /** Compiled methods with code in the page. */
  readonly methods: readonly string[];
}

/** Everything known of one page frame. */
export interface FrameOwner {
  readonly guestPhysical: number;
  readonly class: OwnerClass;
  /** The kernel's view; undefined when it told nothing. */
  readonly kind: OwnerKind | undefined;
  /** For example the name of the file, or of the part of the kernel's image. */
  readonly name: string;
  readonly uses: readonly PageUse[];
}

export type ClassTotals = Readonly<Record<OwnerClass, number>>;

export class Ownership {
  /** Index into OWNER_CLASSES for every frame: the rules are at the head of `owner-class.ts`. */
  readonly classes: Uint8Array;
  readonly #memory: GuestMemory;
  /** Runs that show frame f: order[first[f]] … order[first[f + 1] - 1]. */
  readonly #first: Uint32Array;
  readonly #order: Uint32Array;
  readonly #jvmOfProcess: ReadonlyMap<number, JvmLayout>;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#jvmOfProcess = new Map(memory.jvms.map((jvm) => [jvm.process, jvm]));
    [this.#first, this.#order] = runsByFrame(memory);
    this.classes = this.#classify();
  }

  /** The class of the frame at a guest physical address; `unknown` outside the memory. */
  classAt(guestPhysical: number): OwnerClass {
    const code = this.classes[Math.floor(guestPhysical / PAGE_BYTES)];
    return code === undefined ? 'unknown' : OWNER_CLASSES[code]!;
  }

  /** Everything known of the frame at a guest physical address. */
  at(guestPhysical: number): FrameOwner {
    const { frames, processes, mappings, runs } = this.#memory;
    const frame = Math.floor(guestPhysical / PAGE_BYTES);
    const base = frame * PAGE_BYTES;
    const uses: PageUse[] = [];
    for (const run of this.runsOf(frame)) {
      const virtual = runs.virtual[run]! + (base - runs.guestPhysical[run]!);
      const process = runs.process[run]!;
      const mapping = runs.mapping[run]!;
      const jvm = this.#jvmOfProcess.get(process);
      uses.push({
        process: processes[process]!,
        virtual,
        mapping: mapping < 0 ? undefined : mappings.names[mappings.name[mapping]!]!,
        jvmArea: jvm?.areaAt(virtual),
        methods: jvm?.methodsInPage(virtual) ?? [],
      });
    }
    return {
      guestPhysical: base,
      class: this.classAt(base),
      kind: kindOf(frames.kind[frame] ?? 0),
      name: frames.names[frames.name[frame] ?? 0] ?? '',
      uses,
    };
  }

  /** Indices of the page runs that show a frame. A view: do not write. */
  runsOf(frame: number): Uint32Array {
    if (!(frame >= 0 && frame < this.#memory.frames.count)) return new Uint32Array(0);
    return this.#order.subarray(this.#first[frame], this.#first[frame + 1]);
  }

  /** Pages in each class; the sum is the number of frames. */
  totals(): ClassTotals {
    const counts = new Array<number>(OWNER_CLASSES.length).fill(0);
    for (const code of this.classes) counts[code]!++;
    return Object.fromEntries(
      OWNER_CLASSES.map((name, index) => [name, counts[index]!]),
    ) as ClassTotals;
  }

  #classify(): Uint8Array {
    const { frames, runs, processes } = this.#memory;
    const classes = new Uint8Array(frames.count).fill(255);
    const kernel = classIndex('kernel');
    for (let frame = 0; frame < frames.count; frame++) {
      const kind = kindOf(frames.kind[frame]!);
      if (kind !== undefined && belongsToKernel(kind, frames.name[frame] !== 0)) {
        classes[frame] = kernel;
      }
    }
    const isJava = processes.map((_, index) => this.#isJava(index));
    for (let run = 0; run < runs.length; run++) {
      const process = runs.process[run]!;
      const jvm = this.#jvmOfProcess.get(process);
      const elsewhere = classIndex(isJava[process] ? 'jvm other' : 'other processes');
      const frame = runs.guestPhysical[run]! / PAGE_BYTES;
      for (let page = 0; page < runs.pages[run]!; page++) {
        const before = classes[frame + page]!;
        if (before === kernel) continue;
        const area = jvm?.areaAt(runs.virtual[run]! + page * PAGE_BYTES);
        const code = area === undefined ? elsewhere : classIndex(classOfJvmArea(area));
        if (code < before) classes[frame + page] = code;
      }
    }
    for (let frame = 0; frame < frames.count; frame++) {
      if (classes[frame] === 255) {
        classes[frame] = classIndex(classOfFrameKind(kindOf(frames.kind[frame]!)));
      }
    }
    return classes;
  }

  #isJava(process: number): boolean {
    const { executable } = this.#memory.processes[process]!;
    return this.#jvmOfProcess.has(process) || /(^|\/)java$/.test(executable);
  }
}

/** Counting sort of every page of every run by frame. */
function runsByFrame(memory: GuestMemory): [Uint32Array, Uint32Array] {
  const { runs, frames } = memory;
  const first = new Uint32Array(frames.count + 1);
  for (let run = 0; run < runs.length; run++) {
    const frame = runs.guestPhysical[run]! / PAGE_BYTES;
    for (let page = 0; page < runs.pages[run]!; page++) first[frame + page + 1]!++;
  }
  for (let frame = 0; frame < frames.count; frame++) first[frame + 1]! += first[frame]!;
  const order = new Uint32Array(first[frames.count]!);
  const next = first.slice();
  for (let run = 0; run < runs.length; run++) {
    const frame = runs.guestPhysical[run]! / PAGE_BYTES;
    for (let page = 0; page < runs.pages[run]!; page++) order[next[frame + page]!++] = run;
  }
  return [first, order];
}
