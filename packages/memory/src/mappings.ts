// SPDX-License-Identifier: Apache-2.0
// The text of the in-guest mapping tool, in fireCRaCer's format (simonis/fireCRaCer at e32100e,
// tools/mem_mapping.sh and tools/virt2phys.c):
//
//   = <pid> <executable>                           a process; pid 0 is `kernel`, -1 `pagecache`
//   v <start> <end> [name]                         a mapping of it, as in /proc/<pid>/maps
//   p <virtual> <physical> <exclusive> <shared>    a resident page of a process
//   p <physical> <kpageflags>                      a page frame, in the sections with pid <= 0
//   f <physical> <pages> <kpageflags>              rekindle's own: a run of frames, pages in decimal
//
// Numbers are hexadecimal, printed by `%#018lx`: the value 0 is 18 zeros without 0x. In sections with
// pid <= 0 all addresses are guest physical. fireCRaCer's `pagecache` lists only pages mapped to a disk;
// slab, page tables and free memory are known only from the `f` lines, which may stand anywhere.
import { MemoryError } from './error.ts';
import { type OwnerKind, PAGE_BYTES } from './frames.ts';
import { PAGE_EXCLUSIVE, PAGE_FILE_OR_SHARED } from './guest-memory.ts';
import type { GuestMemoryBuilder } from './guest-memory-builder.ts';
import { isBlank, type LineParser, textOf, UnknownCounter, type UnknownLines } from './lines.ts';
import { NumberScan } from './number-scan.ts';
import { isReserved, kindOfPageFlags } from './page-flags.ts';

/** What was read of a mapping text. `pages` counts `p` lines. */
export interface MappingsReport {
  readonly processes: number;
  readonly mappings: number;
  readonly pages: number;
  readonly unknown: UnknownLines;
}

const EQUALS = 61;
const LETTER_F = 102;
const LETTER_P = 112;
const LETTER_V = 118;
const HINT = 'the text must come from the mapping tool unchanged; was the transfer cut short?';

/** Reads a mapping text into a builder. */
export class MappingsParser implements LineParser<MappingsReport> {
  readonly #builder: GuestMemoryBuilder;
  readonly #scan = new NumberScan();
  readonly #unknown = new UnknownCounter();
  /** Runs of the kernel's image: they are added last, because they say more than page flags. */
  readonly #image: { physical: number; pages: number; kind: OwnerKind; name: string }[] = [];
  #section: 'none' | 'process' | 'kernel' | 'frames' = 'none';
  #process = -1;
  #mapping = -1;
  #imageName = '';
  #processes = 0;
  #mappings = 0;
  #pages = 0;

  constructor(builder: GuestMemoryBuilder) {
    this.#builder = builder;
  }

  line(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (isBlank(bytes, start, end)) return;
    const scan = this.#scan.reset(bytes, start + 1, end);
    try {
      const letter = bytes[start + 1] === 32 ? bytes[start] : 0;
      if (letter === LETTER_P) this.#page(scan, line);
      else if (letter === LETTER_V) this.#area(scan, line);
      else if (letter === LETTER_F) this.#frameRun(scan, line);
      else if (letter === EQUALS) this.#header(scan, line);
      else this.#unknown.add(bytes, start, end, line);
    } catch (error) {
      // The builder does not know where it was told something impossible.
      if (!(error instanceof MemoryError) || error.place.line !== undefined) throw error;
      throw new MemoryError(error.code, error.message, { line }, error.hint);
    }
  }

  finish(): MappingsReport {
    for (const { physical, pages, kind, name } of this.#image) {
      this.#builder.addFrames(physical, pages, kind, name);
    }
    return {
      processes: this.#processes,
      mappings: this.#mappings,
      pages: this.#pages,
      unknown: this.#unknown.finish(),
    };
  }

  #header(scan: NumberScan, line: number): void {
    scan.skipBlanks();
    if (!(scan.decimal() && scan.atBlank())) this.#bad(scan, line, 'no process id after "="');
    const pid = scan.decimalValue;
    scan.skipBlanks();
    const executable = textOf(scan.bytes, scan.at, scan.end);
    this.#mapping = -1;
    this.#imageName = '';
    if (pid > 0) {
      this.#section = 'process';
      const name = executable.slice(executable.lastIndexOf('/') + 1);
      this.#process = this.#builder.addProcess(pid, name, executable);
      this.#processes++;
    } else this.#section = pid === 0 ? 'kernel' : 'frames';
  }

  #area(scan: NumberScan, line: number): void {
    const from = this.#number(scan, line, 'start of a mapping');
    const to = this.#number(scan, line, 'end of a mapping');
    if (to < from) this.#bad(scan, line, 'a mapping that ends before it starts');
    scan.skipBlanks();
    const name = textOf(scan.bytes, scan.at, scan.end);
    switch (this.#section) {
      case 'none':
        this.#early(line);
        break;
      case 'process':
        this.#mapping = this.#builder.addMapping(this.#process, from, to, name);
        this.#mappings++;
        break;
      case 'kernel':
        this.#imageName = name;
        break;
      case 'frames':
        this.#builder.reachTo(to);
        break;
    }
  }

  #page(scan: NumberScan, line: number): void {
    const address = this.#number(scan, line, 'address of a page');
    if (address % PAGE_BYTES !== 0) this.#bad(scan, line, 'an address that is not of a page');
    this.#pages++;
    switch (this.#section) {
      case 'none':
        this.#early(line);
        break;
      case 'process':
        this.#processPage(scan, line, address);
        break;
      case 'kernel':
        this.#number(scan, line, 'page flags');
        if (isReserved(scan.high)) this.#imagePage(address);
        else this.#frames(address, 1, scan);
        break;
      case 'frames':
        this.#number(scan, line, 'page flags');
        this.#frames(address, 1, scan);
        break;
    }
  }

  #processPage(scan: NumberScan, line: number, virtual: number): void {
    const physical = this.#number(scan, line, 'guest physical address of a page');
    if (physical % PAGE_BYTES !== 0) this.#bad(scan, line, 'an address that is not of a page');
    const exclusive = this.#number(scan, line, 'exclusive flag') !== 0;
    const shared = this.#number(scan, line, 'file or shared flag') !== 0;
    const flags = (exclusive ? PAGE_EXCLUSIVE : 0) | (shared ? PAGE_FILE_OR_SHARED : 0);
    this.#builder.addPages(this.#process, this.#mapping, virtual, physical, 1, flags);
  }

  #frameRun(scan: NumberScan, line: number): void {
    const physical = this.#number(scan, line, 'address of a run of frames');
    if (physical % PAGE_BYTES !== 0) this.#bad(scan, line, 'an address that is not of a page');
    scan.skipBlanks();
    if (!(scan.decimal() && scan.atBlank())) this.#bad(scan, line, 'no number of frames');
    const pages = scan.decimalValue;
    this.#number(scan, line, 'page flags');
    this.#frames(physical, pages, scan);
  }

  /** Frames by the page flags read last. */
  #frames(physical: number, pages: number, scan: NumberScan): void {
    const kind = kindOfPageFlags(scan.low, scan.high);
    if (kind !== undefined) this.#builder.addFrames(physical, pages, kind);
    else this.#builder.reachTo(physical + pages * PAGE_BYTES);
  }

  /** Within the image's ranges lies memory that boot freed for others: what is the image's is reserved. */
  #imagePage(physical: number): void {
    const last = this.#image.at(-1);
    const name = this.#imageName;
    if (last?.name === name && last.physical + last.pages * PAGE_BYTES === physical) last.pages++;
    else {
      const kind = name === 'Kernel code' ? 'kernel text' : 'kernel';
      this.#image.push({ physical, pages: 1, kind, name: name === '' ? 'kernel image' : name });
    }
  }

  #number(scan: NumberScan, line: number, what: string): number {
    scan.skipBlanks();
    if (!(scan.hex() && scan.atBlank())) this.#bad(scan, line, `no hexadecimal ${what}`);
    return scan.value;
  }

  #bad(scan: NumberScan, line: number, what: string): never {
    const near = textOf(scan.bytes, scan.at, Math.min(scan.end, scan.at + 40));
    throw new MemoryError('bad-line', `${what} (at "${near}")`, { line }, HINT);
  }

  #early(line: number): never {
    throw new MemoryError(
      'out-of-order',
      'a mapping or page before any "= pid" line',
      { line },
      HINT,
    );
  }
}
