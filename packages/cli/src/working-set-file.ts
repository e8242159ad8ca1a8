// SPDX-License-Identifier: Apache-2.0
// From recordings of restores to the working set that is kept beside their snapshot.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '@rekindle/microvm';
import {
  buildWorkingSet,
  encodeWorkingSet,
  FileSource,
  pagesOf,
  type RestoreTrace,
  readRestoreTrace,
  type Until,
  type WorkingSet,
} from '@rekindle/pager';

/** A snapshot of ours: its memory file, and its manifest. */
export interface SnapshotMemory {
  readonly memory: string;
  readonly manifest: Manifest;
}

/** What each recorded restore touched, up to a point. */
export function readTraces(
  runs: readonly string[],
  { machine }: Manifest,
  until: Until,
): Promise<RestoreTrace[]> {
  const options = { pageSize: machine.pageSize, until };
  return Promise.all(runs.map((run) => readRestoreTrace(run, machine.regions, options)));
}

export interface WorkingSetOptions {
  /** In at least so many of the recordings; default: in a quarter of them. */
  readonly threshold?: number;
  /** Pages taken along to join two runs. */
  readonly gap?: number;
}

/** The pages that restores of a snapshot ask for, tied to its hash. */
export function workingSetOf(
  { memory, manifest }: SnapshotMemory,
  restores: readonly RestoreTrace[],
  { threshold, gap }: WorkingSetOptions = {},
): WorkingSet {
  const { pageSize } = manifest.machine;
  const source = new FileSource(memory, 'none');
  try {
    return buildWorkingSet(
      restores.map(({ pages }) => pages),
      {
        pageSize,
        memoryBytes: manifest.files.memory.bytes,
        snapshotHash: manifest.files.memory.sha256,
        hotRank: Math.max(...restores.map(({ beforeAnswer }) => beforeAnswer)),
        isZero: (page) => source.isZero(page * pageSize, pageSize),
        ...(gap === undefined ? {} : { gap }),
        ...(threshold === undefined ? {} : { threshold }),
      },
    );
  } finally {
    source.close();
  }
}

/** Writes a working set aside, and renames it when it is whole. */
export function writeWorkingSet(path: string, set: WorkingSet): void {
  writeFileSync(`${path}.tmp`, encodeWorkingSet(set));
  renameSync(`${path}.tmp`, path);
}

/** Keeps what recorded restores asked for beside their snapshot; returns the number of pages. */
export async function learnWorkingSet(
  directory: string,
  manifest: Manifest,
  recordings: readonly string[],
): Promise<number> {
  const memory = join(directory, manifest.files.memory.path);
  const restores = await readTraces(recordings, manifest, 'end');
  const set = workingSetOf({ memory, manifest }, restores);
  writeWorkingSet(join(directory, 'working-set'), set);
  return pagesOf(set.runs) + pagesOf(set.zeroRuns);
}
