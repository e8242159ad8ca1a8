// SPDX-License-Identifier: Apache-2.0
// Native memory tracking, as `jcmd <pid> VM.native_memory detail` prints it. JDK 17 indents committed
// ranges by one TAB, JDK 25 by eight blanks, so lines are told apart by words and never by columns:
//
//   <pid>:
//   Virtual memory map:
//   [0x… - 0x…] reserved 6172672KB for Java Heap from
//   [0x… - 0x…] reserved and committed 4KB for Internal from
//       [0x…] symbol+0xac                                   stack of the caller, left out
//     [0x… - 0x…] committed 389120KB from                   lies in the reserved range before it
//   Memory file details                                     JDK 25: end of the map
//   Details:                                                JDK 17: end of the map
//
// Without -XX:NativeMemoryTracking=detail it prints instead that (detail) tracking is not enabled.
import { MemoryError } from './error.ts';
import { float64, int32, StringTable, uint32 } from './growing.ts';
import type { JvmRegions } from './jvm-layout.ts';
import { isBlank, type LineParser, textOf, UnknownCounter, type UnknownLines } from './lines.ts';

export interface NativeMemory {
  /** Process id in the guest; undefined when the text does not start with one (not from jcmd). */
  readonly pid: number | undefined;
  readonly regions: JvmRegions;
  readonly unknown: UnknownLines;
}

const RANGE =
  /^\s*\[(0x[0-9a-f]{1,16}) - (0x[0-9a-f]{1,16})\] (reserved and committed|reserved|committed) (\d+)KB(?: (?:for|from)? ?(.*))?$/;
const NOT_TRACKED = /^(Native memory|Detail) tracking is not enabled/;
const STACK = /^\s*\[0x[0-9a-f]{1,16}\]/;
const AREA = /^(.*?)(?: from)?$/;

export class NativeMemoryParser implements LineParser<NativeMemory> {
  readonly #unknown = new UnknownCounter();
  readonly #start = float64();
  readonly #end = float64();
  readonly #area = uint32();
  readonly #committed = float64();
  readonly #parent = int32();
  readonly #areas = new StringTable();
  #pid: number | undefined;
  #part: 'before' | 'map' | 'after' = 'before';
  #reserved = -1;

  line(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (this.#part === 'after' || isBlank(bytes, start, end)) return;
    const text = textOf(bytes, start, end);
    if (this.#part === 'before') {
      const pid = line === 1 ? /^(\d{1,10}):$/.exec(text) : null;
      if (pid !== null) this.#pid = Number(pid[1]);
      if (text.startsWith('Virtual memory map:')) this.#part = 'map';
      // A JVM that does not track has no areas, which is reported and no fault of the text.
      if (NOT_TRACKED.test(text)) {
        this.#unknown.add(bytes, start, end, line);
        this.#part = 'after';
      }
      return;
    }
    if (text.startsWith('Details:') || text.startsWith('Memory file details')) {
      this.#part = 'after';
      return;
    }
    const range = RANGE.exec(text);
    if (range !== null) this.#range(range, line);
    else if (!STACK.test(text)) this.#unknown.add(bytes, start, end, line);
  }

  finish(): NativeMemory {
    if (this.#part === 'before') {
      throw new MemoryError(
        'not-this-format',
        'no "Virtual memory map:" in the native memory tracking text',
        {},
        'start the JVM with -XX:NativeMemoryTracking=detail and ask for VM.native_memory detail',
      );
    }
    return {
      pid: this.#pid,
      regions: {
        length: this.#start.length,
        start: this.#start.finish(),
        end: this.#end.finish(),
        area: this.#area.finish(),
        areas: this.#areas.strings,
        committed: this.#committed.finish(),
        parent: this.#parent.finish(),
      },
      unknown: this.#unknown.finish(),
    };
  }

  #range(range: RegExpExecArray, line: number): void {
    const [, from, to, word, , rest] = range;
    const start = Number(from);
    const end = Number(to);
    if (end <= start) this.#bad(line, 'a range that ends before it starts');
    if (word === 'committed') {
      const parent = this.#reserved;
      if (parent < 0) this.#bad(line, 'a committed range before any reserved one');
      if (start < this.#start.get(parent) || end > this.#end.get(parent)) {
        this.#bad(line, 'a committed range outside the reserved range before it');
      }
      this.#push(start, end, this.#area.get(parent), end - start, parent);
      // A "reserved and committed" range lists its committed part again.
      const known = this.#committed.get(parent) + end - start;
      const size = this.#end.get(parent) - this.#start.get(parent);
      this.#committed.set(parent, Math.min(known, size));
      return;
    }
    const area = AREA.exec(rest ?? '')?.[1] ?? '';
    if (area === '') this.#bad(line, 'a reserved range of no category');
    this.#reserved = this.#start.length;
    const committed = word === 'reserved' ? 0 : end - start;
    this.#push(start, end, this.#areas.add(area), committed, -1);
  }

  #push(start: number, end: number, area: number, committed: number, parent: number): void {
    this.#start.push(start);
    this.#end.push(end);
    this.#area.push(area);
    this.#committed.push(committed);
    this.#parent.push(parent);
  }

  #bad(line: number, what: string): never {
    throw new MemoryError(
      'bad-line',
      what,
      { line },
      'give the output of VM.native_memory detail unchanged; was it cut short?',
    );
  }
}
