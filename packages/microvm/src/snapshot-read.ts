// SPDX-License-Identifier: Apache-2.0
// Opening a snapshot directory. At once: format, sizes, times, region table (microseconds). Every hash only when
// asked for, or when a time says that a file may have changed.
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hashFile } from './cache.ts';
import { errnoOf, explainFileError, MicrovmError } from './error.ts';
import { type FileRecord, type Manifest, parseManifest } from './manifest.ts';

/** Our own snapshot, or the two files of Firecracker and fireCRaCer without a manifest. */
export type SnapshotOnDisk =
  | {
      readonly kind: 'rekindle';
      readonly directory: string;
      readonly manifest: Manifest;
      readonly state: string;
      readonly memory: string;
      readonly owners: string | undefined;
    }
  | {
      readonly kind: 'bare';
      readonly directory: string;
      readonly state: string;
      readonly memory: string;
      readonly memoryBytes: number;
    };

export interface VerifyOptions {
  /** Read every file and compare its hash. */
  readonly hashes?: boolean | undefined;
}

/** What a verification looked at: files by name, and whether their content was read. */
export interface Verified {
  readonly snapshot: SnapshotOnDisk;
  readonly files: readonly { readonly path: string; readonly hashed: boolean }[];
}

const BARE_NAMES = { state: 'snapshot_file', memory: 'mem_file' } as const;

/** Checks a snapshot; rejects with one MicrovmError that says what is wrong and what to do. */
export async function verifySnapshot(
  directory: string,
  options: VerifyOptions = {},
): Promise<Verified> {
  const snapshot = openSnapshot(directory);
  const hashed: { path: string; hashed: boolean }[] = [];
  if (snapshot.kind === 'bare') return { snapshot, files: [] };
  const { guest, files } = snapshot.manifest;
  const records: [string, FileRecord | null, 'own' | 'guest'][] = [
    [snapshot.state, files.state, 'own'],
    [snapshot.memory, files.memory, 'own'],
    [join(snapshot.directory, files.owners?.path ?? ''), files.owners, 'own'],
    [guest.kernel.path, guest.kernel, 'guest'],
    [guest.initramfs?.path ?? '', guest.initramfs, 'guest'],
    [guest.image?.path ?? '', guest.image, 'guest'],
  ];
  for (const [path, record, whose] of records) {
    if (record === null) continue;
    const sameTime = checkFile(path, record, whose);
    const read = options.hashes === true || !sameTime;
    if (read && (await hashFile(path)) !== record.sha256) {
      throw whose === 'own'
        ? new MicrovmError('SNAPSHOT_DAMAGED', `${path} is not what was saved (hash differs)`, {
            place: path,
            hint: 'the file was changed after the snapshot; make the snapshot again',
          })
        : guestChanged(path);
    }
    hashed.push({ path, hashed: read });
  }
  return { snapshot, files: hashed };
}

/** Reads the directory's own description; touches no file but the manifest. */
export function openSnapshot(path: string): SnapshotOnDisk {
  const directory = resolve(path);
  const manifestPath = join(directory, 'manifest.json');
  let text: string;
  try {
    text = readFileSync(manifestPath, 'utf8');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') {
      throw explainFileError(error, 'reading', manifestPath);
    }
    return openBare(directory, manifestPath);
  }
  const manifest = parseManifest(text, manifestPath);
  const at = (record: FileRecord): string => join(directory, record.path);
  return {
    kind: 'rekindle',
    directory,
    manifest,
    state: at(manifest.files.state),
    memory: at(manifest.files.memory),
    owners: manifest.files.owners === null ? undefined : at(manifest.files.owners),
  };
}

function openBare(directory: string, manifestPath: string): SnapshotOnDisk {
  const state = join(directory, BARE_NAMES.state);
  const memory = join(directory, BARE_NAMES.memory);
  const bytes = sizeOf(memory);
  if (sizeOf(state) !== undefined && bytes !== undefined) {
    return { kind: 'bare', directory, state, memory, memoryBytes: bytes };
  }
  const exists = sizeOf(directory) !== undefined;
  throw new MicrovmError(
    'SNAPSHOT_INCOMPLETE',
    exists
      ? `not a whole snapshot: ${directory} has no manifest.json`
      : `there is no snapshot at ${directory}`,
    {
      place: manifestPath,
      hint: exists
        ? 'name a directory that rekindle snapshot made; one that was cut short has to be made again'
        : 'make one by: rekindle snapshot NAME DIR',
    },
  );
}

/** Existence and size; tells whether the modification time is the recorded one. */
function checkFile(path: string, record: FileRecord, whose: 'own' | 'guest'): boolean {
  let stat: { size: bigint; mtimeNs: bigint };
  try {
    stat = statSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw explainFileError(error, 'reading', path);
    throw whose === 'own'
      ? new MicrovmError('SNAPSHOT_INCOMPLETE', `the snapshot lacks ${record.path}`, {
          place: path,
          hint: 'the snapshot is not whole: make it again',
        })
      : new MicrovmError('SNAPSHOT_MISMATCH', `the snapshot needs a file that is gone: ${path}`, {
          place: path,
          hint: 'build it again (rekindle image build, rekindle kernel fetch); same inputs give the same file',
        });
  }
  if (stat.size !== BigInt(record.bytes)) {
    if (whose === 'guest') throw guestChanged(path);
    throw new MicrovmError(
      'SNAPSHOT_DAMAGED',
      `${path} has ${stat.size} bytes, the manifest says ${record.bytes}`,
      { place: path, hint: 'the file was cut or changed; make the snapshot again' },
    );
  }
  return stat.mtimeNs === BigInt(record.mtimeNs);
}

function guestChanged(path: string): MicrovmError {
  return new MicrovmError('SNAPSHOT_MISMATCH', `${path} is not the file the VM was running with`, {
    place: path,
    hint: 'put the old file back, or make the snapshot again',
  });
}

function sizeOf(path: string): number | undefined {
  try {
    return statSync(path).size;
  } catch {
    return undefined;
  }
}
