// SPDX-License-Identifier: Apache-2.0
// From the events of a capture back to the guest's memory.
import {
  GuestMapping,
  GuestPages,
  GuestProcess,
  JvmMethod,
  JvmRegion,
  PageOwner,
} from '@rekindle/events';
import type { Columns } from '@rekindle/jfr';
import { sortMethods } from './compiled-code.ts';
import { MemoryError } from './error.ts';
import { kindCode, kindOf, PAGE_BYTES } from './frames.ts';
import { float64, int32, StringTable, uint32 } from './growing.ts';
import type { GuestMemory } from './guest-memory.ts';
import { GuestMemoryBuilder } from './guest-memory-builder.ts';
import type { JvmMethods, JvmRegions } from './jvm-layout.ts';
import { MappingFinder } from './mapping-finder.ts';

/** What of a recording's chunk is read here: `Chunk` of `@rekindle/jfr` fits. */
export interface CaptureChunk {
  columns(eventName: string): Columns;
}

/** What of a recording is read here: `Recording` of `@rekindle/jfr` fits. */
export interface CaptureRecording {
  chunks(): Iterable<CaptureChunk> | AsyncIterable<CaptureChunk>;
}

/**
 * The memory that a recording describes; undefined when it holds no capture. Of several captures in one
 * recording all are laid over each other, later ones on top.
 */
export async function readCapture(
  recording: CaptureRecording,
  options: { readonly maxPhysicalBytes?: number } = {},
): Promise<GuestMemory | undefined> {
  const reader = new CaptureReader(new GuestMemoryBuilder(options));
  for await (const chunk of recording.chunks()) reader.read(chunk);
  return reader.finish();
}

class CaptureReader {
  readonly #builder: GuestMemoryBuilder;
  readonly #finder = new MappingFinder();
  readonly #jvms = new Map<number, { regions: RegionsOfPid; methods: MethodsOfPid }>();
  #events = 0;

  constructor(builder: GuestMemoryBuilder) {
    this.#builder = builder;
  }

  read(chunk: CaptureChunk): void {
    this.#processes(table(chunk, GuestProcess.name));
    this.#mappings(table(chunk, GuestMapping.name));
    this.#pages(table(chunk, GuestPages.name));
    this.#owners(table(chunk, PageOwner.name));
    this.#regions(table(chunk, JvmRegion.name));
    this.#methods(table(chunk, JvmMethod.name));
  }

  finish(): GuestMemory | undefined {
    if (this.#events === 0) return undefined;
    for (const [pid, { regions, methods }] of this.#jvms) {
      this.#builder.addJvm(pid, regions.finish(), methods.finish());
    }
    return this.#builder.build();
  }

  #processes(rows: Rows): void {
    const pid = rows.numbers('pid');
    for (let row = 0; row < rows.length; row++) {
      const name = rows.text('processName', row);
      this.#builder.addProcess(pid[row]!, name, rows.text('executable', row));
    }
    this.#events += rows.length;
  }

  #mappings(rows: Rows): void {
    const pid = rows.numbers('pid');
    const start = rows.numbers('start');
    const end = rows.numbers('end');
    for (let row = 0; row < rows.length; row++) {
      const process = this.#process(pid[row]!);
      const name = rows.text('mapping', row);
      const mapping = this.#builder.addMapping(process, start[row]!, end[row]!, name);
      this.#finder.add(process, start[row]!, end[row]!, mapping);
    }
    this.#events += rows.length;
  }

  #pages(rows: Rows): void {
    const pid = rows.numbers('pid');
    const virtual = rows.numbers('virtual');
    const physical = rows.numbers('guestPhysical');
    const pages = rows.numbers('pages');
    const flags = rows.numbers('flags');
    for (let row = 0; row < rows.length; row++) {
      checkPage(physical[row]!, 'GuestPages');
      const process = this.#process(pid[row]!);
      const mapping = this.#finder.find(process, virtual[row]!);
      const run = [virtual[row]!, physical[row]!, pages[row]!, flags[row]!] as const;
      this.#builder.addPages(process, mapping, ...run);
    }
    this.#events += rows.length;
  }

  #owners(rows: Rows): void {
    const physical = rows.numbers('guestPhysical');
    const pages = rows.numbers('pages');
    for (let row = 0; row < rows.length; row++) {
      checkPage(physical[row]!, 'PageOwner');
      const kind = kindOf(kindCode(rows.text('kind', row)) ?? 0);
      if (kind === undefined) {
        this.#builder.reachTo(physical[row]! + pages[row]! * PAGE_BYTES);
      } else this.#builder.addFrames(physical[row]!, pages[row]!, kind, rows.text('owner', row));
    }
    this.#events += rows.length;
  }

  #regions(rows: Rows): void {
    const pid = rows.numbers('pid');
    const start = rows.numbers('start');
    const end = rows.numbers('end');
    const committed = rows.numbers('committed');
    const parent = rows.numbers('parent');
    for (let row = 0; row < rows.length; row++) {
      const { regions } = this.#jvm(pid[row]!);
      const area = rows.text('area', row);
      regions.add(start[row]!, end[row]!, area, committed[row]!, parent[row]!);
    }
    this.#events += rows.length;
  }

  #methods(rows: Rows): void {
    const pid = rows.numbers('pid');
    const start = rows.numbers('start');
    const end = rows.numbers('end');
    const level = rows.numbers('level');
    for (let row = 0; row < rows.length; row++) {
      const { methods } = this.#jvm(pid[row]!);
      methods.add(start[row]!, end[row]!, level[row]!, rows.text('method', row));
    }
    this.#events += rows.length;
  }

  /** A pid of which no GuestProcess tells becomes a process without a name. */
  #process(pid: number): number {
    return this.#builder.addProcess(pid, '', '');
  }

  #jvm(pid: number): { regions: RegionsOfPid; methods: MethodsOfPid } {
    let jvm = this.#jvms.get(pid);
    if (jvm === undefined) {
      jvm = { regions: new RegionsOfPid(), methods: new MethodsOfPid() };
      this.#jvms.set(pid, jvm);
    }
    return jvm;
  }
}

class RegionsOfPid {
  readonly #start = float64();
  readonly #end = float64();
  readonly #area = uint32();
  readonly #areas = new StringTable();
  readonly #committed = float64();
  readonly #parent = int32();
  /** Start of a reserved range to its index. */
  readonly #reserved = new Map<number, number>();

  add(start: number, end: number, area: string, committed: number, parent: number): void {
    const within = parent === 0 ? -1 : (this.#reserved.get(parent) ?? -1);
    if (within < 0) this.#reserved.set(start, this.#start.length);
    this.#start.push(start);
    this.#end.push(end);
    this.#area.push(this.#areas.add(area));
    this.#committed.push(committed);
    this.#parent.push(within);
  }

  finish(): JvmRegions {
    return {
      length: this.#start.length,
      start: this.#start.finish(),
      end: this.#end.finish(),
      area: this.#area.finish(),
      areas: this.#areas.strings,
      committed: this.#committed.finish(),
      parent: this.#parent.finish(),
    };
  }
}

class MethodsOfPid {
  readonly #start = float64();
  readonly #end = float64();
  readonly #level = int32();
  readonly #method = uint32();
  readonly #methods = new StringTable();

  add(start: number, end: number, level: number, method: string): void {
    this.#start.push(start);
    this.#end.push(end);
    this.#level.push(level);
    this.#method.push(this.#methods.add(method));
  }

  finish(): JvmMethods {
    return sortMethods({
      length: this.#start.length,
      start: this.#start.finish(),
      end: this.#end.finish(),
      level: this.#level.finish(),
      method: this.#method.finish(),
      methods: this.#methods.strings,
    });
  }
}

interface Rows {
  readonly length: number;
  numbers(field: string): ArrayLike<number>;
  text(field: string, row: number): string;
}

function table(chunk: CaptureChunk, event: string): Rows {
  const columns = chunk.columns(event);
  return {
    length: columns.length,
    numbers: (field) => {
      if (columns.length === 0) return [];
      const column = columns.get(field);
      if (column.kind !== 'long') return columns.numbers(field);
      if (column.values instanceof Float64Array) return column.values;
      return Float64Array.from(column.values, (value) => Number(BigInt.asUintN(64, value)));
    },
    text: (field, row) => columns.text(field, row) ?? '',
  };
}

function checkPage(guestPhysical: number, event: string): void {
  if (guestPhysical % PAGE_BYTES === 0) return;
  throw new MemoryError(
    'bad-capture',
    `an event ${event} with the guest physical address ${guestPhysical}, which is not of a page`,
    {},
    'capture the memory again with rekindle memory capture',
  );
}
