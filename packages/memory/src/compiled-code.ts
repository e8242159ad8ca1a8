// SPDX-License-Identifier: Apache-2.0
// Compiled methods and the heaps they lie in, as three diagnostic commands of the JVM print them:
//
//   Compiler.codelist    <id> <level> <state> <Class.method(signature)return> [0x<start>, 0x<entry> - 0x<end>]
//   Compiler.perfmap     0x<entry> 0x<bytes> <name>       also stubs and adapters, which codelist leaves out
//   Compiler.codecache   CodeHeap '<name>': size=<n>Kb used=<n>Kb max_used=<n>Kb free=<n>Kb
//                         bounds [0x<low>, 0x<committed end>, 0x<high>]
import { MemoryError } from './error.ts';
import { float64, int32, StringTable, uint32 } from './growing.ts';
import type { JvmMethods } from './jvm-layout.ts';
import { isBlank, type LineParser, textOf, UnknownCounter, type UnknownLines } from './lines.ts';

export interface CompiledMethods {
  readonly methods: JvmMethods;
  readonly unknown: UnknownLines;
}

/** A segment of the code cache. Sizes in bytes, addresses virtual, `high` exclusive. */
export interface CodeHeap {
  readonly name: string;
  readonly bytes: number;
  readonly used: number;
  readonly low: number;
  readonly committedEnd: number;
  readonly high: number;
}

export interface CodeHeaps {
  readonly heaps: readonly CodeHeap[];
  readonly unknown: UnknownLines;
}

const PID = /^\d{1,10}:$/;
const CODE_LIST =
  /^\s*(\d+) (\d+) (-?\d+) (.+) \[(0x[0-9a-f]{1,16}), (0x[0-9a-f]{1,16}) - (0x[0-9a-f]{1,16})\]$/;
const PERF_MAP = /^(0x[0-9a-f]{1,16}|[0-9a-f]{1,16}) (0x[0-9a-f]{1,16}|[0-9a-f]{1,16}) (.+)$/;
const CODE_HEAP = /^(?:CodeHeap '([^']*)'|CodeCache): size=(\d+)Kb,? used=(\d+)Kb/;
const BOUNDS = /^\s*bounds \[(0x[0-9a-f]{1,16}), (0x[0-9a-f]{1,16}), (0x[0-9a-f]{1,16})\]$/;
const COUNTS = /^\s*(total_blobs|compilation:|Compilation:|stopped_count|full_count)/;

abstract class MethodsParser implements LineParser<CompiledMethods> {
  readonly #unknown = new UnknownCounter();
  readonly #start = float64();
  readonly #end = float64();
  readonly #level = int32();
  readonly #method = uint32();
  readonly #methods = new StringTable();

  /** Reads a line that has something on it; false when it is not of this format. */
  protected abstract read(text: string, line: number): boolean;

  line(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (isBlank(bytes, start, end)) return;
    const text = textOf(bytes, start, end);
    if (line === 1 && PID.test(text)) return;
    if (!this.read(text, line)) this.#unknown.add(bytes, start, end, line);
  }

  protected add(start: number, end: number, level: number, method: string, line: number): void {
    if (end < start) {
      throw new MemoryError(
        'bad-line',
        'code that ends before it starts',
        { line },
        'give the output of the diagnostic command unchanged',
      );
    }
    this.#start.push(start);
    this.#end.push(end);
    this.#level.push(level);
    this.#method.push(this.#methods.add(method));
  }

  finish(): CompiledMethods {
    const columns = {
      length: this.#start.length,
      start: this.#start.finish(),
      end: this.#end.finish(),
      level: this.#level.finish(),
      method: this.#method.finish(),
      methods: this.#methods.strings,
    };
    return { methods: sortMethods(columns), unknown: this.#unknown.finish() };
  }
}

/** Reads `Compiler.codelist`. A method's range is its whole blob: header, relocations and code. */
export class CodeListParser extends MethodsParser {
  protected override read(text: string, line: number): boolean {
    const found = CODE_LIST.exec(text);
    if (found === null) return false;
    const [, , level, , method, start, , end] = found;
    this.add(Number(start), Number(end), Number(level), method!, line);
    return true;
  }
}

/** Reads a perf map, with or without 0x before the numbers (other runtimes write it without). */
export class PerfMapParser extends MethodsParser {
  protected override read(text: string, line: number): boolean {
    const found = PERF_MAP.exec(text);
    if (found === null) return false;
    const start = hexadecimal(found[1]!);
    this.add(start, start + hexadecimal(found[2]!), -1, found[3]!, line);
    return true;
  }
}

function hexadecimal(text: string): number {
  return Number(text.startsWith('0x') ? text : `0x${text}`);
}

/** Reads `Compiler.codecache`. The total that JDK 25 adds is left out: it is the sum of the heaps. */
export class CodeCacheParser implements LineParser<CodeHeaps> {
  readonly #unknown = new UnknownCounter();
  readonly #heaps: CodeHeap[] = [];
  #open: { name: string; bytes: number; used: number } | undefined;

  line(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (isBlank(bytes, start, end)) return;
    const text = textOf(bytes, start, end);
    if (line === 1 && PID.test(text)) return;
    const heap = CODE_HEAP.exec(text);
    const bounds = BOUNDS.exec(text);
    if (heap !== null) {
      // Without segments (-XX:-SegmentedCodeCache) JDK 17 prints one heap under the name CodeCache.
      const name = heap[1] ?? 'CodeCache';
      this.#open = { name, bytes: Number(heap[2]) * 1024, used: Number(heap[3]) * 1024 };
    } else if (bounds !== null && this.#open !== undefined) {
      const [low, committedEnd, high] = bounds.slice(1).map(Number) as [number, number, number];
      this.#heaps.push({ ...this.#open, low, committedEnd, high });
      this.#open = undefined;
    } else if (!COUNTS.test(text)) this.#unknown.add(bytes, start, end, line);
  }

  finish(): CodeHeaps {
    return { heaps: this.#heaps, unknown: this.#unknown.finish() };
  }
}

/** The same methods in the order of their start. */
export function sortMethods(methods: JvmMethods): JvmMethods {
  const order = Uint32Array.from({ length: methods.length }, (_, i) => i);
  order.sort((a, b) => methods.start[a]! - methods.start[b]! || a - b);
  return {
    length: methods.length,
    start: Float64Array.from(order, (i) => methods.start[i]!),
    end: Float64Array.from(order, (i) => methods.end[i]!),
    level: Int32Array.from(order, (i) => methods.level[i]!),
    method: Uint32Array.from(order, (i) => methods.method[i]!),
    methods: methods.methods,
  };
}
