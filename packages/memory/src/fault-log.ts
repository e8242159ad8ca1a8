// SPDX-License-Identifier: Apache-2.0
// The log of fireCRaCer's page-fault handler (tools/uffd), both forms of it: since its commit 4429647 a
// thread id stands before the address.
//
//   UFFD_EVENT_PAGEFAULT (r): [12345] 0x<address> 0x<page>  Loading: 0x<offset> - 0x<end>
//   UFFD_EVENT_PAGEFAULT (w): [12345] 0x<address> 0x<page>  Zeroing: 0x<offset> - 0x<end>
//   UFFD_EVENT_REMOVE: 0x<start> - 0x<end>
//
// No times: the order of lines is all the log tells. The offset is that in the memory file, which for a
// guest below the PCI hole is the guest physical address.
import { MemoryError } from './error.ts';
import { float64, int32, uint8, uint32 } from './growing.ts';
import { isBlank, type LineParser, textOf, UnknownCounter, type UnknownLines } from './lines.ts';
import { NumberScan } from './number-scan.ts';

/** Page faults in the order they were served. */
export interface FaultLog {
  readonly length: number;
  /** Host virtual address that faulted. */
  readonly address: Float64Array;
  /** Offset of the page in the memory file. */
  readonly offset: Float64Array;
  /** Bytes installed for the fault. */
  readonly bytes: Float64Array;
  readonly write: Uint8Array;
  /** 1: zeroes, 0: content of the file. */
  readonly zeroed: Uint8Array;
  /** Thread that faulted, -1 where the log does not tell. */
  readonly thread: Int32Array;
  readonly removals: Removals;
  readonly unknown: UnknownLines;
}

/** Ranges the guest gave back, as host virtual addresses; `after` faults had been served by then. */
export interface Removals {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly after: Uint32Array;
}

const encoder = new TextEncoder();
const FAULT = encoder.encode('UFFD_EVENT_PAGEFAULT (');
const REMOVE = encoder.encode('UFFD_EVENT_REMOVE: ');
const LOADING = encoder.encode('Loading: ');
const ZEROING = encoder.encode('Zeroing: ');
const HINT = 'give the handler’s standard output, and nothing else that was printed into it';

export class FaultLogParser implements LineParser<FaultLog> {
  readonly #scan = new NumberScan();
  readonly #unknown = new UnknownCounter();
  readonly #address = float64();
  readonly #offset = float64();
  readonly #bytes = float64();
  readonly #write = uint8();
  readonly #zeroed = uint8();
  readonly #thread = int32();
  readonly #removal = { start: float64(), end: float64(), after: uint32() };

  line(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (isBlank(bytes, start, end)) return;
    const scan = this.#scan.reset(bytes, start, end);
    if (skipWord(scan, FAULT)) this.#fault(scan, line);
    else if (skipWord(scan, REMOVE)) {
      const [from, to] = this.#range(scan, line);
      this.#removal.start.push(from);
      this.#removal.end.push(to);
      this.#removal.after.push(this.#address.length);
    } else this.#unknown.add(bytes, start, end, line);
  }

  finish(): FaultLog {
    return {
      length: this.#address.length,
      address: this.#address.finish(),
      offset: this.#offset.finish(),
      bytes: this.#bytes.finish(),
      write: this.#write.finish(),
      zeroed: this.#zeroed.finish(),
      thread: this.#thread.finish(),
      removals: {
        length: this.#removal.start.length,
        start: this.#removal.start.finish(),
        end: this.#removal.end.finish(),
        after: this.#removal.after.finish(),
      },
      unknown: this.#unknown.finish(),
    };
  }

  #fault(scan: NumberScan, line: number): void {
    const access = scan.bytes[scan.at];
    if (access !== 114 && access !== 119) bad(scan, line, 'neither "r" nor "w" in the brackets');
    scan.at++;
    if (!(scan.skip(41) && scan.skip(58))) bad(scan, line, 'no "):" after the kind of access');
    const thread = this.#threadId(scan, line);
    const address = hex(scan, line);
    hex(scan, line);
    scan.skipBlanks();
    const zeroed = skipWord(scan, ZEROING);
    if (!zeroed && !skipWord(scan, LOADING)) bad(scan, line, 'neither "Loading:" nor "Zeroing:"');
    const [offset, end] = this.#range(scan, line);
    this.#address.push(address);
    this.#offset.push(offset);
    this.#bytes.push(end - offset);
    this.#write.push(access === 119 ? 1 : 0);
    this.#zeroed.push(zeroed ? 1 : 0);
    this.#thread.push(thread);
  }

  /** A thread id is decimal, perhaps in square brackets; an address begins with 0x. */
  #threadId(scan: NumberScan, line: number): number {
    scan.skipBlanks();
    const brackets = scan.skip(91);
    const address = scan.bytes[scan.at] === 48 && (scan.bytes[scan.at + 1] ?? 0) === 120;
    if (!brackets && (address || zeroAddress(scan))) return -1;
    if (!scan.decimal()) bad(scan, line, 'no thread id or address');
    if (brackets && !scan.skip(93)) bad(scan, line, 'no "]" after the thread id');
    return scan.decimalValue;
  }

  #range(scan: NumberScan, line: number): [number, number] {
    const from = hex(scan, line);
    scan.skipBlanks();
    if (!scan.skip(45)) bad(scan, line, 'no "-" between start and end');
    const to = hex(scan, line);
    if (to < from) bad(scan, line, 'a range that ends before it starts');
    return [from, to];
  }
}

/** The address 0 is 18 zeros without 0x: no thread id is that long. */
function zeroAddress(scan: NumberScan): boolean {
  const { bytes, at } = scan;
  for (let i = at; i < at + 18; i++) if (bytes[i] !== 48) return false;
  return true;
}

function skipWord(scan: NumberScan, word: Uint8Array): boolean {
  if (scan.at + word.length > scan.end) return false;
  for (let i = 0; i < word.length; i++) if (scan.bytes[scan.at + i] !== word[i]) return false;
  scan.at += word.length;
  return true;
}

function hex(scan: NumberScan, line: number): number {
  scan.skipBlanks();
  if (!(scan.hex() && scan.atBlank())) bad(scan, line, 'no hexadecimal address');
  return scan.value;
}

function bad(scan: NumberScan, line: number, what: string): never {
  const near = textOf(scan.bytes, scan.at, Math.min(scan.end, scan.at + 40));
  throw new MemoryError('bad-line', `${what} (at "${near}")`, { line }, HINT);
}
