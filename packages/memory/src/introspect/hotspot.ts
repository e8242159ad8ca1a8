// SPDX-License-Identifier: Apache-2.0
// The areas of a HotSpot JVM by what it tells of itself in memory: no agent, no native memory tracking.
// The names are those of native memory tracking, so that the same classes come of them.
//
//   Java Heap            CollectedHeap::_reserved; of ZGC, which has none, the mappings of its memfd
//   Code                 CodeCache::_low_bound … _high_bound
//   Shared class space   MetaspaceObj::_shared_metaspace_base … _top
//   Thread Stack         JavaThread::_stack_base less _stack_size, of every Java thread. Threads of the
//                        collector and the VM thread are in no list that is told.
//   Class, Metaspace     the mappings that classes, and their constant pools, lie in
import { float64, int32, StringTable, uint32 } from '../growing.ts';
import type { JvmMethods, JvmRegions } from '../jvm-layout.ts';
import { hotspotMethods } from './hotspot-methods.ts';
import { type VirtualMemory, VirtualReader } from './virtual-memory.ts';
import { VmStructs } from './vm-structs.ts';

/** A mapping of the process, as far as it matters here. */
export interface ProcessArea {
  readonly start: number;
  readonly end: number;
  readonly writable: boolean;
  /** Name of the file, empty for anonymous memory. */
  readonly file: string;
}

interface Range {
  readonly area: string;
  readonly start: number;
  readonly end: number;
}

const WORD = 8;
const MAX_THREADS = 65_536;
const MAX_LOADERS = 65_536;
const MAX_CLASSES = 1 << 20;

/** What a JVM tells of itself. */
export interface HotspotLayout {
  readonly regions: JvmRegions;
  readonly methods: JvmMethods;
}

/** Areas and compiled methods of the JVM whose libjvm.so lies at `base`; undefined when it tells nothing. */
export function hotspotLayout(
  memory: VirtualMemory,
  base: number,
  areas: readonly ProcessArea[],
): HotspotLayout | undefined {
  const reader = new VirtualReader(memory);
  const structs = VmStructs.read(reader, base);
  if (structs === undefined) return undefined;
  const ranges = [
    ...heap(structs, areas),
    ...between(structs, 'Code', 'CodeCache::_low_bound', 'CodeCache::_high_bound'),
    ...between(
      structs,
      'Shared class space',
      'MetaspaceObj::_shared_metaspace_base',
      'MetaspaceObj::_shared_metaspace_top',
    ),
    ...stacks(structs, reader),
    ...metaspace(structs, reader, areas),
  ];
  if (ranges.length === 0) return undefined;
  return { regions: regionsOf(ranges, areas), methods: hotspotMethods(structs, reader) };
}

function range(area: string, start: number | undefined, end: number | undefined): Range[] {
  if (start === undefined || end === undefined || start <= 0 || end <= start) return [];
  return [{ area, start, end }];
}

function heap(structs: VmStructs, areas: readonly ProcessArea[]): Range[] {
  const reserved = structs.at(
    structs.value('Universe::_collectedHeap'),
    'CollectedHeap::_reserved',
  );
  const start = structs.field(reserved, 'MemRegion::_start');
  const words = structs.field(reserved, 'MemRegion::_word_size');
  if (start !== undefined && words !== undefined && words > 0) {
    return range('Java Heap', start, start + words * WORD);
  }
  // src/hotspot/os/linux/gc/z: memfd_create("java_heap")
  return areas
    .filter(({ file }) => /memfd:java_heap\b/.test(file))
    .flatMap(({ start, end }) => range('Java Heap', start, end));
}

function between(structs: VmStructs, area: string, low: string, high: string): Range[] {
  return range(area, structs.value(low), structs.value(high));
}

function stacks(structs: VmStructs, reader: VirtualReader): Range[] {
  const list = structs.value('ThreadsSMRSupport::_java_thread_list');
  const lengthAt = structs.at(list, 'ThreadsList::_length');
  const threads = structs.field(list, 'ThreadsList::_threads');
  if (lengthAt === undefined || threads === undefined) return [];
  const length = Math.min(reader.u32(lengthAt) ?? 0, MAX_THREADS);
  const found: Range[] = [];
  for (let i = 0; i < length; i++) {
    const thread = reader.u64(threads + i * WORD);
    const top = structs.field(thread, 'JavaThread::_stack_base');
    const bytes = structs.field(thread, 'JavaThread::_stack_size');
    if (top !== undefined && bytes !== undefined) {
      found.push(...range('Thread Stack', top - bytes, top));
    }
  }
  return found;
}

/** Every class of every loader: it lies in the class space, its constant pool in the metaspace. */
function metaspace(
  structs: VmStructs,
  reader: VirtualReader,
  areas: readonly ProcessArea[],
): Range[] {
  const found = new Map<ProcessArea, Range>();
  // What is archived lies in mappings of a file; what a class adds, in anonymous ones.
  const mark = (area: string, address: number | undefined): void => {
    if (address === undefined) return;
    const holder = areaOf(areas, address);
    if (holder === undefined || holder.file !== '' || found.has(holder)) return;
    found.set(holder, { area, start: holder.start, end: holder.end });
  };
  let classes = 0;
  let loader = structs.value('ClassLoaderDataGraph::_head');
  for (let i = 0; i < MAX_LOADERS && loader !== undefined && loader !== 0; i++) {
    let klass = structs.field(loader, 'ClassLoaderData::_klasses');
    while (klass !== undefined && klass !== 0 && classes++ < MAX_CLASSES) {
      mark('Class', klass);
      const layoutAt = structs.at(klass, 'Klass::_layout_helper');
      const layout = layoutAt === undefined ? 0 : (reader.u32(layoutAt) ?? 0) | 0;
      // Positive: a class with instances. An array class has no constant pool.
      if (layout > 0) mark('Metaspace', structs.field(klass, 'InstanceKlass::_constants'));
      klass = structs.field(klass, 'Klass::_next_link');
    }
    loader = structs.field(loader, 'ClassLoaderData::_next');
  }
  return [...found.values()];
}

function areaOf(areas: readonly ProcessArea[], address: number): ProcessArea | undefined {
  let low = 0;
  let high = areas.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (areas[middle]!.start <= address) low = middle + 1;
    else high = middle;
  }
  const area = areas[low - 1];
  return area !== undefined && address < area.end ? area : undefined;
}

/** Committed is what the process may write to, as the JVM reserves memory without any rights. */
function regionsOf(ranges: readonly Range[], areas: readonly ProcessArea[]): JvmRegions {
  const columns = { start: float64(), end: float64(), area: uint32(), committed: float64() };
  const parent = int32();
  const names = new StringTable();
  for (const { area, start, end } of ranges) {
    let committed = 0;
    for (const mapping of areas) {
      if (!mapping.writable) continue;
      committed += Math.max(0, Math.min(end, mapping.end) - Math.max(start, mapping.start));
    }
    columns.start.push(start);
    columns.end.push(end);
    columns.area.push(names.add(area));
    columns.committed.push(committed);
    parent.push(-1);
  }
  return {
    length: ranges.length,
    start: columns.start.finish(),
    end: columns.end.finish(),
    area: columns.area.finish(),
    areas: names.strings,
    committed: columns.committed.finish(),
    parent: parent.finish(),
  };
}
