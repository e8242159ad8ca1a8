// SPDX-License-Identifier: Apache-2.0
// A working set: the pages that a restored VM touches first, in the order it touches them. One file
// beside the snapshot, little endian:
//
//    0   8  magic "RKWORKST"
//    8  u16 version = 1          10 u16 flags = 0         12 u32 page size, bytes
//   16  u64 memory size, bytes
//   24  32  SHA-256 of the memory file; all zero: tied by size only
//   56  u32 runs                 60 u32 zero runs
//   64  u32 recordings (n)       68 u32 threshold (k): pages in at least k of n
//   72  u32 pages in the union   76 u32 pages chosen      80 u32 gap pages (merged in, not chosen)
//   84  u32 hot runs: how many of the runs come before the first answer (hybrid restore)
//   88  runs, then zero runs, 8 bytes each: u32 first page of the memory file, u32 pages
//  end  32  SHA-256 of everything before it
//
// Runs are ordered by mean first touch. Zero runs hold pages that are zero in the snapshot.
// No page is in two runs.
import { createHash } from 'node:crypto';
import { PagerError } from './pager-error.ts';

/** Pages of the memory file that follow each other. */
export interface PageRun {
  /** Index of the first page in the memory file. */
  readonly page: number;
  readonly pages: number;
}

/** How a working set came about. */
export interface WorkingSetStatistics {
  readonly recordings: number;
  readonly threshold: number;
  /** Pages that any recording touched. */
  readonly union: number;
  /** Pages that enough recordings touched. */
  readonly chosen: number;
  /** Pages taken along to join two runs. */
  readonly gap: number;
}

export interface WorkingSet {
  /** Bytes: 4096 or 2097152. */
  readonly pageSize: number;
  /** Size of the memory it belongs to, bytes. */
  readonly memoryBytes: number;
  /** SHA-256 of the memory file, 64 hexadecimal digits; empty when it is tied by size only. */
  readonly snapshotHash: string;
  readonly runs: readonly PageRun[];
  readonly zeroRuns: readonly PageRun[];
  /** How many of `runs` are needed before the first answer. */
  readonly hotRuns: number;
  readonly statistics: WorkingSetStatistics;
}

const MAGIC = 'RKWORKST';
const VERSION = 1;
const HEADER = 88;
const RUN = 8;
const HASH = 32;

/** Encodes a working set. @throws PagerError WORKING_SET_INVALID when it is not one */
export function encodeWorkingSet(set: WorkingSet): Uint8Array {
  const bytes = new Uint8Array(HEADER + RUN * (set.runs.length + set.zeroRuns.length) + HASH);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint16(8, VERSION, true);
  view.setUint32(12, set.pageSize, true);
  view.setBigUint64(16, BigInt(set.memoryBytes), true);
  bytes.set(Buffer.from(set.snapshotHash, 'hex'), 24);
  const words = [
    set.runs.length,
    set.zeroRuns.length,
    set.statistics.recordings,
    set.statistics.threshold,
    set.statistics.union,
    set.statistics.chosen,
    set.statistics.gap,
    set.hotRuns,
  ];
  for (const [index, word] of words.entries()) view.setUint32(56 + 4 * index, word, true);
  let at = HEADER;
  for (const run of [...set.runs, ...set.zeroRuns]) {
    view.setUint32(at, run.page, true);
    view.setUint32(at + 4, run.pages, true);
    at += RUN;
  }
  bytes.set(createHash('sha256').update(bytes.subarray(0, at)).digest(), at);
  decodeWorkingSet(bytes, 'working set to be written');
  return bytes;
}

/**
 * Decodes and checks a working set.
 * @param place where the bytes come from, for errors
 * @throws PagerError WORKING_SET_INVALID naming what is wrong
 */
export function decodeWorkingSet(bytes: Uint8Array, place: string): WorkingSet {
  const fail = (message: string): PagerError =>
    new PagerError(
      'WORKING_SET_INVALID',
      message,
      place,
      'build it again: rekindle workingset build',
    );
  if (bytes.length < HEADER + HASH) throw fail(`${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (new TextDecoder('latin1').decode(bytes.subarray(0, 8)) !== MAGIC) {
    throw fail('not a working set');
  }
  const version = view.getUint16(8, true);
  if (version !== VERSION) throw fail(`version ${version}, this program reads ${VERSION}`);
  if (view.getUint16(10, true) !== 0) throw fail('unknown flags');
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const runCount = u32(56);
  const zeroCount = u32(60);
  const end = HEADER + RUN * (runCount + zeroCount);
  if (bytes.length !== end + HASH) {
    throw fail(`${bytes.length} bytes, ${runCount + zeroCount} runs need ${end + HASH}`);
  }
  const digest = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!digest.equals(bytes.subarray(end))) throw fail('its checksum does not match');

  const pageSize = u32(12);
  const memoryBytes = Number(view.getBigUint64(16, true));
  if (pageSize !== 4096 && pageSize !== 2 << 20) throw fail(`page size ${pageSize}`);
  if (memoryBytes === 0 || memoryBytes % pageSize !== 0 || memoryBytes / pageSize > 2 ** 32) {
    throw fail(`memory size ${memoryBytes}`);
  }
  const hotRuns = u32(84);
  if (hotRuns > runCount) throw fail(`${hotRuns} hot runs of ${runCount}`);
  const readRuns = (from: number, count: number): PageRun[] =>
    Array.from({ length: count }, (_, index) => ({
      page: u32(from + index * RUN),
      pages: u32(from + index * RUN + 4),
    }));
  const runs = readRuns(HEADER, runCount);
  const zeroRuns = readRuns(HEADER + RUN * runCount, zeroCount);
  const problem = overlap([...runs, ...zeroRuns], memoryBytes / pageSize);
  if (problem !== undefined) throw fail(problem);
  const hash = Buffer.from(bytes.subarray(24, 56)).toString('hex');
  return {
    pageSize,
    memoryBytes,
    snapshotHash: /^0*$/.test(hash) ? '' : hash,
    runs,
    zeroRuns,
    hotRuns,
    statistics: {
      recordings: u32(64),
      threshold: u32(68),
      union: u32(72),
      chosen: u32(76),
      gap: u32(80),
    },
  };
}

function overlap(runs: readonly PageRun[], memoryPages: number): string | undefined {
  const sorted = [...runs].sort((a, b) => a.page - b.page);
  let end = 0;
  for (const run of sorted) {
    if (run.pages === 0) return `an empty run at page ${run.page}`;
    if (run.page < end) return `page ${run.page} is in two runs`;
    end = run.page + run.pages;
    if (end > memoryPages) return `a run ends at page ${end} of ${memoryPages}`;
  }
  return undefined;
}

/**
 * Refuses a working set that belongs to another snapshot.
 * @param snapshotHash SHA-256 of the memory file in hexadecimal; empty when it is not known
 */
export function checkWorkingSet(
  set: WorkingSet,
  memory: { readonly bytes: number; readonly pageSize: number; readonly snapshotHash: string },
  place: string,
): void {
  const foreign = (message: string): PagerError =>
    new PagerError(
      'WORKING_SET_FOREIGN',
      message,
      place,
      'it was built for another snapshot; build one for this: rekindle workingset build',
    );
  if (set.memoryBytes !== memory.bytes) {
    throw foreign(`made for ${set.memoryBytes} bytes of memory, this snapshot has ${memory.bytes}`);
  }
  if (set.pageSize !== memory.pageSize) {
    throw foreign(`made for pages of ${set.pageSize} bytes, this VM has ${memory.pageSize}`);
  }
  if (
    set.snapshotHash !== '' &&
    memory.snapshotHash !== '' &&
    set.snapshotHash !== memory.snapshotHash
  ) {
    throw foreign(
      `made for memory ${set.snapshotHash.slice(0, 12)}…, this is ${memory.snapshotHash.slice(0, 12)}…`,
    );
  }
}

/** Pages of a list of runs. */
export const pagesOf = (runs: readonly PageRun[]): number =>
  runs.reduce((sum, run) => sum + run.pages, 0);
