// SPDX-License-Identifier: Apache-2.0
// Making a snapshot directory: everything is written under a name of its own beside the target, synced, and
// renamed when whole. A crash leaves the old snapshot or none, and at worst a .tmp- directory that the next
// snapshot of that name removes.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { hashFile } from './cache.ts';
import { fileDigest } from './digest.ts';
import type { GuestFile, Machine } from './engine.ts';
import { explainFileError, MicrovmError } from './error.ts';
import { type FileRecord, MANIFEST_FORMAT, type Manifest } from './manifest.ts';
import { own } from './owned.ts';
import { processStart } from './state-directory.ts';

export interface SnapshotOptions {
  /** A recording of capture events to keep with the snapshot (copied). */
  readonly owners?: string | undefined;
  readonly probe?: { readonly guestPort: number; readonly path: string } | undefined;
  /** Replace an existing snapshot once the new one is whole. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes the snapshot of a paused machine.
 * @param saved called once state and memory are copied: from then on the machine may run again
 */
export async function writeSnapshot(
  machine: Machine,
  path: string,
  options: SnapshotOptions = {},
  saved: () => Promise<void> = async () => {},
): Promise<Manifest> {
  const directory = resolve(path);
  if (existsSync(directory) && options.overwrite !== true) {
    throw new MicrovmError('SNAPSHOT_EXISTS', `${directory} exists already`, {
      place: directory,
      hint: 'choose another name, remove it first, or ask for it to be replaced (--force)',
    });
  }
  if (existsSync(directory) && !existsSync(join(directory, 'manifest.json'))) {
    throw new MicrovmError('SNAPSHOT_EXISTS', `${directory} exists and is not a snapshot`, {
      place: directory,
      hint: 'choose another name: only a snapshot is ever replaced',
    });
  }
  sweepUnfinished(directory);
  const aside = `${directory}.tmp-${process.pid}-${process.hrtime.bigint().toString(36)}`;
  const remove = (): void => rmSync(aside, { recursive: true, force: true });
  const disown = own(remove);
  try {
    mkdirSync(dirname(directory), { recursive: true });
    mkdirSync(aside, { mode: 0o700 });
    const manifest = await fill(machine, aside, options, saved);
    await writeSynced(join(aside, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await syncFile(aside);
    replace(aside, directory);
    await syncFile(dirname(directory));
    return manifest;
  } catch (error) {
    remove();
    throw explainFileError(error, 'making a snapshot', directory);
  } finally {
    disown();
  }
}

async function fill(
  machine: Machine,
  aside: string,
  options: SnapshotOptions,
  saved: () => Promise<void>,
): Promise<Manifest> {
  const state = join(aside, 'state');
  const memory = join(aside, 'memory');
  const written = await machine.snapshot({ state, memory });
  await saved();
  await syncFile(state);
  await syncFile(memory);
  let owners: FileRecord | null = null;
  if (options.owners !== undefined) {
    const target = join(aside, 'owners.jfr');
    copyFileSync(options.owners, target);
    await syncFile(target);
    owners = describe(target, 'owners.jfr', await hashFile(target));
  }
  const { kernel, initramfs, image, commandLine } = machine.files;
  return {
    format: MANIFEST_FORMAT,
    created: new Date().toISOString(),
    machine: machine.identity,
    guest: {
      kernel: await guestFile(kernel),
      initramfs: initramfs === undefined ? null : await guestFile(initramfs),
      image: image === undefined ? null : await guestFile(image),
      commandLine,
    },
    files: {
      state: describe(state, 'state', await hashFile(state)),
      memory: { ...describe(memory, 'memory', written.sha256), dataBytes: written.dataBytes },
      owners,
    },
    guestPorts: machine.endpoints.map(({ guestPort }) => guestPort),
    probe: options.probe ?? null,
  };
}

function describe(path: string, name: string, sha256: string): FileRecord {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  return { path: name, bytes: Number(size), mtimeNs: String(mtimeNs), sha256 };
}

async function guestFile(file: GuestFile): Promise<FileRecord> {
  const path = resolve(file.path);
  return describe(path, path, file.sha256 ?? (await fileDigest(path)));
}

/** Puts the new directory in place; the old one is moved aside first, since a directory replaces only an empty one. */
function replace(aside: string, directory: string): void {
  if (!existsSync(directory)) {
    renameSync(aside, directory);
    return;
  }
  const old = `${aside}-old`;
  renameSync(directory, old);
  try {
    renameSync(aside, directory);
  } catch (error) {
    renameSync(old, directory);
    throw error;
  }
  rmSync(old, { recursive: true, force: true });
}

/** Removes what processes that are no more were making under this name. */
function sweepUnfinished(directory: string): void {
  const prefix = `${basename(directory)}.tmp-`;
  const parent = dirname(directory);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (Number.isInteger(pid) && pid > 0 && processStart(pid) === undefined) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Also for directories: what a rename changed is on disk only after their own sync. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
