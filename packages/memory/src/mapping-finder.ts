// SPDX-License-Identifier: Apache-2.0
// Which mapping of a process holds an address.

interface Areas {
  start: number[];
  end: number[];
  mapping: number[];
  sorted: boolean;
}

/** Mappings by process; asks are answered by binary search once the mappings are known. */
export class MappingFinder {
  readonly #processes = new Map<number, Areas>();

  add(process: number, start: number, end: number, mapping: number): void {
    let areas = this.#processes.get(process);
    if (areas === undefined) {
      areas = { start: [], end: [], mapping: [], sorted: true };
      this.#processes.set(process, areas);
    }
    if (start < (areas.start.at(-1) ?? 0)) areas.sorted = false;
    areas.start.push(start);
    areas.end.push(end);
    areas.mapping.push(mapping);
  }

  /** Index of the mapping with the highest start that holds the address; -1 for none. */
  find(process: number, address: number): number {
    const areas = this.#processes.get(process);
    if (areas === undefined) return -1;
    if (!areas.sorted) sort(areas);
    let low = 0;
    let high = areas.start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (areas.start[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address < areas.end[low - 1]! ? areas.mapping[low - 1]! : -1;
  }
}

function sort(areas: Areas): void {
  const order = areas.start.map((_, i) => i);
  order.sort((a, b) => areas.start[a]! - areas.start[b]! || a - b);
  const { start, end, mapping } = areas;
  areas.start = order.map((i) => start[i]!);
  areas.end = order.map((i) => end[i]!);
  areas.mapping = order.map((i) => mapping[i]!);
  areas.sorted = true;
}
