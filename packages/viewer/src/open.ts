// SPDX-License-Identifier: Apache-2.0
// From files to runs. What a file is, its first bytes say; its name does not matter.
//
//   FLR\0                          a recording: a run, or a memory capture for the run beside it
//   = <pid> <executable>           fireCRaCer's memory mapping
//   UFFD_EVENT_...                 the log of its fault handler
//   Virtual memory map:            native memory tracking of a JVM
import { loadRun, makeRun, type Run, runFromTexts } from '@rekindle/analysis';
import { openRecording } from '@rekindle/jfr';

export interface OpenableFile {
  readonly name: string;
  bytes(): Promise<Uint8Array>;
}

export type FileKind = 'recording' | 'mappings' | 'fault-log' | 'native-memory';

/** Bytes looked at to tell what a file is. */
const SNIFF_BYTES = 1 << 16;

/** Something to look at, and what is to be said about it. */
export interface Opened {
  readonly runs: readonly Run[];
  /** What could not be read, in a sentence each; mostly empty. */
  readonly warnings: readonly string[];
}

export class OpenError extends Error {
  override readonly name = 'OpenError';
  readonly code: 'unknown-file' | 'empty-file' | 'not-together' | 'damaged';
  /** What to do about it. */
  readonly hint: string;

  constructor(code: OpenError['code'], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** What a file is, by its first bytes; undefined for something else. */
export function kindOf(bytes: Uint8Array): FileKind | undefined {
  if (bytes[0] === 0x46 && bytes[1] === 0x4c && bytes[2] === 0x52 && bytes[3] === 0) {
    return 'recording';
  }
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, SNIFF_BYTES));
  if (/^\s*UFFD_EVENT_/m.test(head)) return 'fault-log';
  if (/^= -?\d+ /m.test(head)) return 'mappings';
  if (/^Native Memory Tracking|^Virtual memory map:/m.test(head)) return 'native-memory';
  return undefined;
}

/**
 * Reads files that belong together: recordings, or the texts of one run.
 *
 * @throws {OpenError} when the files are not, or not together, something that can be shown; the errors
 * of the readers for a damaged file
 */
export async function openRuns(files: readonly OpenableFile[]): Promise<Opened> {
  const runs: Run[] = [];
  const warnings: string[] = [];
  const texts = new Map<FileKind, { name: string; bytes: Uint8Array }>();
  for (const file of files) {
    const bytes = await file.bytes();
    const kind = kindOf(bytes);
    if (bytes.length === 0) {
      const hint = 'the recording may have been cut off before its first flush: record again';
      throw new OpenError('empty-file', `${file.name} is empty`, hint);
    }
    if (kind === undefined) throw unknown(file.name);
    if (kind === 'recording') runs.push(await runOf(file.name, bytes, warnings));
    else if (texts.has(kind)) throw twice(kind);
    else texts.set(kind, { name: file.name, bytes });
  }
  if (texts.size > 0) runs.push(textRun(texts));
  return { runs: pairCaptures(runs), warnings };
}

/** What is whole of a damaged recording is shown; what was lost is said. */
async function runOf(name: string, bytes: Uint8Array, warnings: string[]): Promise<Run> {
  // A strict content security policy forbids compiled decoders; `auto` finds out and interprets.
  const recording = await openRecording(bytes, { mode: 'salvage', decode: 'auto' });
  try {
    const run = await loadRun(recording, { name });
    const [loss] = recording.losses;
    if (loss !== undefined) {
      const lost = recording.losses.reduce((sum, each) => sum + each.bytes, 0);
      warnings.push(`${name} is damaged: ${lost} bytes could not be read (${loss.reason})`);
    }
    if (run.unrecorded > 0) {
      warnings.push(`${name} holds ${run.unrecorded} faults fewer than the pager served`);
    }
    return run;
  } catch (error) {
    const [loss] = recording.losses;
    if (loss === undefined) throw error;
    throw new OpenError(
      'damaged',
      `${name} is damaged, and nothing to show is left of it: ${loss.reason}`,
      'record again, or try what rekindle jfr summary still finds in it',
    );
  }
}

function textRun(texts: ReadonlyMap<FileKind, { name: string; bytes: Uint8Array }>): Run {
  const log = texts.get('fault-log');
  const mappings = texts.get('mappings');
  if (log === undefined && mappings === undefined) {
    throw new OpenError(
      'not-together',
      'native memory tracking alone says nothing of pages',
      'open the memory mapping and the fault handler’s log together with it',
    );
  }
  return runFromTexts({
    name: (log ?? mappings)?.name ?? '',
    faultLog: log?.bytes,
    mappings: mappings?.bytes,
    nativeMemory: texts.get('native-memory')?.bytes,
  });
}

/** A recording that holds a capture and no faults lends its capture to runs that have none. */
function pairCaptures(runs: readonly Run[]): Run[] {
  const isCapture = (run: Run) => run.faults.rows + run.prefetches.rows === 0;
  const capture = runs.find((run) => isCapture(run) && run.memory !== undefined);
  const rest = runs.filter((run) => !isCapture(run));
  if (capture === undefined || rest.length === 0) return [...runs];
  return rest.map((run) =>
    run.memory === undefined ? makeRun({ ...withoutRam(run), memory: capture.memory }) : run,
  );
}

function withoutRam(run: Run): Omit<Run, 'ram'> {
  const { ram: _, ...rest } = run;
  return rest;
}

function unknown(name: string): OpenError {
  return new OpenError(
    'unknown-file',
    `${name} is neither a recording nor one of the texts`,
    'open a .jfr recording of a restore, or fireCRaCer’s mapping, fault log and NMT texts',
  );
}

function twice(kind: FileKind): OpenError {
  const names = {
    recording: 'recordings',
    mappings: 'memory mappings',
    'fault-log': 'fault logs',
    'native-memory': 'texts of native memory tracking',
  };
  return new OpenError('not-together', `two ${names[kind]}`, 'open the texts of one run at a time');
}
