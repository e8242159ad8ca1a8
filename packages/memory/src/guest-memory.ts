// SPDX-License-Identifier: Apache-2.0
// The memory of a guest at one instant: who mapped what, where it lies in guest physical memory, and
// whose every page frame is. Columns, because there are hundreds of thousands of pages.
import type { FrameTable } from './frames.ts';
import { JvmLayout } from './jvm-layout.ts';
import { Ownership } from './ownership.ts';

/** Index into `GuestMemory.processes`. */
export type ProcessIndex = number;

export interface GuestProcess {
  readonly pid: number;
  readonly name: string;
  readonly executable: string;
}

/** Virtual memory areas. `end` is exclusive; `resident` counts pages. */
export interface Mappings {
  readonly length: number;
  readonly process: Uint32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly name: Uint32Array;
  readonly names: readonly string[];
  readonly resident: Uint32Array;
}

/** The page is mapped by nobody else (pagemap bit 56). */
export const PAGE_EXCLUSIVE = 1;
/** The page is a file's, or shared anonymous memory (pagemap bit 61). */
export const PAGE_FILE_OR_SHARED = 2;

/** Runs of pages contiguous in virtual and in guest physical memory, with the same flags. */
export interface PageRuns {
  readonly length: number;
  readonly process: Uint32Array;
  /** Index into the mappings, -1 when the page lies in none (it went away in between). */
  readonly mapping: Int32Array;
  readonly virtual: Float64Array;
  readonly guestPhysical: Float64Array;
  readonly pages: Uint32Array;
  readonly flags: Uint8Array;
}

/** Made by `GuestMemoryBuilder`, `readCapture` or `introspect`. */
export class GuestMemory {
  readonly processes: readonly GuestProcess[];
  readonly mappings: Mappings;
  readonly runs: PageRuns;
  readonly frames: FrameTable;
  /** What the Java virtual machines say of their own address space. */
  readonly jvms: readonly JvmLayout[];
  #ownership: Ownership | undefined;

  constructor(parts: {
    processes: readonly GuestProcess[];
    mappings: Mappings;
    runs: PageRuns;
    frames: FrameTable;
    jvms: readonly JvmLayout[];
  }) {
    this.processes = parts.processes;
    this.mappings = parts.mappings;
    this.runs = parts.runs;
    this.frames = parts.frames;
    this.jvms = parts.jvms;
  }

  /**
   * The same memory with what JVMs said of themselves at another look at the guest, by process id: for
   * memory that was introspected, where no JVM could be asked.
   */
  withJvms(jvms: readonly JvmLayout[]): GuestMemory {
    const { processes, mappings, runs, frames } = this;
    const ofThis = jvms.map(({ pid, regions, methods }) => {
      const process = processes.findIndex((candidate) => candidate.pid === pid);
      return new JvmLayout(pid, process, regions, methods);
    });
    return new GuestMemory({ processes, mappings, runs, frames, jvms: ofThis });
  }

  /** Pages in memory that a process maps, shared ones too. */
  residentPages(process: ProcessIndex): number {
    let pages = 0;
    for (let run = 0; run < this.runs.length; run++) {
      if (this.runs.process[run] === process) pages += this.runs.pages[run]!;
    }
    return pages;
  }

  /** Whose page is it: worked out at the first question. */
  get ownership(): Ownership {
    this.#ownership ??= new Ownership(this);
    return this.#ownership;
  }
}
