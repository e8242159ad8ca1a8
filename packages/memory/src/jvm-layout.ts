// SPDX-License-Identifier: Apache-2.0
// What a Java virtual machine says of its own address space: ranges of native memory tracking, and
// compiled methods; and the answer what lies at an address.
import { PAGE_BYTES } from './frames.ts';

/** Ranges of native memory tracking, in the order of the text. Addresses in bytes, ends exclusive. */
export interface JvmRegions {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** Index into `areas`. A committed range has the area of its reserved range. */
  readonly area: Uint32Array;
  /** The JVM's own words: Java Heap, Class, Thread Stack, Code, GC, … */
  readonly areas: readonly string[];
  /** Bytes committed inside the range. */
  readonly committed: Float64Array;
  /** Index of the reserved range a committed range lies in; -1 for a reserved range. */
  readonly parent: Int32Array;
}

/** Compiled methods, ordered by start. */
export interface JvmMethods {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** Tier 1 to 4; 0: a native wrapper; -1: not told (perf map). */
  readonly level: Int32Array;
  readonly method: Uint32Array;
  readonly methods: readonly string[];
}

export const NO_METHODS: JvmMethods = {
  length: 0,
  start: new Float64Array(0),
  end: new Float64Array(0),
  level: new Int32Array(0),
  method: new Uint32Array(0),
  methods: [],
};

/** One JVM. `process` is -1 when no process of its pid is known. */
export class JvmLayout {
  readonly pid: number;
  readonly process: number;
  readonly regions: JvmRegions;
  readonly methods: JvmMethods;
  /** Address space cut where the innermost range changes: cut i holds from cuts[i] to cuts[i + 1]. */
  readonly #cuts: Float64Array;
  readonly #innermost: Int32Array;

  constructor(pid: number, process: number, regions: JvmRegions, methods: JvmMethods) {
    this.pid = pid;
    this.process = process;
    this.regions = regions;
    this.methods = methods;
    [this.#cuts, this.#innermost] = flatten(regions);
  }

  /** Index of the innermost range at a virtual address, -1 for none. */
  regionAt(virtual: number): number {
    const cut = lastNotAbove(this.#cuts, virtual);
    return cut < 0 ? -1 : this.#innermost[cut]!;
  }

  /** The JVM's word for what lies at a virtual address. */
  areaAt(virtual: number): string | undefined {
    const region = this.regionAt(virtual);
    return region < 0 ? undefined : this.regions.areas[this.regions.area[region]!];
  }

  /** Methods with code in the page at a virtual address. */
  methodsInPage(virtual: number): string[] {
    const page = Math.floor(virtual / PAGE_BYTES) * PAGE_BYTES;
    const { start, end, method, methods } = this.methods;
    const found: string[] = [];
    for (let i = lastNotAbove(start, page + PAGE_BYTES - 1); i >= 0; i--) {
      if (end[i]! > page) found.push(methods[method[i]!]!);
      else if (start[i]! < page) break;
    }
    return found.reverse();
  }
}

/** Index of the last element that is not above `value` in an ascending array, -1 for none. */
function lastNotAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Overlaid ranges to disjoint ones: the smallest range that covers an address wins, of equal ones the
 * later (a committed range follows its reserved one). Smallest first, each range takes what is still
 * free; `next` jumps over what is taken (union-find), so that overlapping input stays cheap.
 */
function flatten(regions: JvmRegions): [Float64Array, Int32Array] {
  const { length, start, end } = regions;
  const cuts = Float64Array.from(new Set([...start, ...end])).sort();
  const innermost = new Int32Array(cuts.length).fill(-1);
  const next = Uint32Array.from({ length: cuts.length + 1 }, (_, i) => i);
  const free = (cut: number): number => {
    let root = cut;
    while (next[root] !== root) root = next[root]!;
    for (let i = cut; i !== root; ) {
      const following = next[i]!;
      next[i] = root;
      i = following;
    }
    return root;
  };
  const order = Uint32Array.from({ length }, (_, i) => i);
  const size = (i: number) => end[i]! - start[i]!;
  order.sort((a, b) => size(a) - size(b) || b - a);
  for (const region of order) {
    const from = lastNotAbove(cuts, start[region]!);
    const to = lastNotAbove(cuts, end[region]!);
    for (let cut = free(from); cut < to; cut = free(cut)) {
      innermost[cut] = region;
      next[cut] = cut + 1;
    }
  }
  return [cuts, innermost];
}
