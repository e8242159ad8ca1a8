// SPDX-License-Identifier: Apache-2.0
// What is expensive to make is kept under $XDG_CACHE_HOME/rekindle by the hash of what made it:
//
//   rekindle/<kind>/<key>/entry.json   what it is: inputs, facts, size and SHA-256 of every file
//   rekindle/<kind>/<key>/...          the files
//   rekindle/tmp/<kind>-<key>-<pid>.<n>/   being made
//
// An entry is made aside and renamed when whole, so it is there entirely or not at all. Safe to
// delete at any time.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { explainDiskFull } from './cache-error.ts';
import { removeWhenInterrupted } from './cache-interrupt.ts';

/** Progress of a build. `fraction` is 0..1 within the step, where it is known. */
export interface BuildProgress {
  readonly step: string;
  readonly message: string;
  readonly fraction?: number;
}

export interface BuildOptions {
  /** Default: $XDG_CACHE_HOME/rekindle, ~/.cache/rekindle. */
  readonly cacheDirectory?: string;
  readonly onProgress?: (progress: BuildProgress) => void;
  readonly signal?: AbortSignal;
}

let builds = 0;

/** What an entry says of itself in `entry.json`. */
export interface CacheRecord {
  readonly kind: string;
  readonly key: string;
  /** ISO 8601. */
  readonly created: string;
  readonly seconds: number;
  readonly inputs: unknown;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  readonly facts: unknown;
}

export interface CacheEntry {
  readonly directory: string;
  readonly record: CacheRecord;
  /** True where nothing had to be made. */
  readonly reused: boolean;
  /** What this call took. */
  readonly seconds: number;
}

export function cacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  // The base directory specification: a relative path is to be ignored.
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'rekindle');
}

/** The key of inputs: 24 hexadecimal digits; the order of an object's members does not matter. */
export function cacheKey(inputs: unknown): string {
  return createHash('sha256').update(canonical(inputs)).digest('hex').slice(0, 24);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** SHA-256 of a file in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(bytes as Buffer);
  }
  return hash.digest('hex');
}

/**
 * The entry made of `inputs`, from the cache or by calling `build` with an empty directory to
 * fill. `build` returns facts worth keeping beside the files.
 * @throws whatever `build` throws; a full disk as DISK_FULL. Nothing is left behind.
 */
export async function cached(
  kind: string,
  inputs: unknown,
  build: (directory: string) => Promise<unknown>,
  options: BuildOptions = {},
): Promise<CacheEntry> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const root = options.cacheDirectory ?? cacheDirectory();
  const key = cacheKey(inputs);
  const directory = join(root, kind, key);
  const found = await readEntry(directory);
  if (found !== undefined) return { directory, record: found, reused: true, seconds: seconds() };

  const work = join(root, 'tmp', `${kind}-${key}-${process.pid}.${++builds}`);
  try {
    await removeAbandoned(join(root, 'tmp'));
    await mkdir(join(root, kind), { recursive: true });
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const forget = removeWhenInterrupted(work);
    try {
      const facts = await build(work);
      const record: CacheRecord = {
        kind,
        key,
        created: new Date().toISOString(),
        seconds: seconds(),
        inputs,
        files: await describeFiles(work),
        facts: facts ?? null,
      };
      await writeFile(join(work, 'entry.json'), `${JSON.stringify(record, null, 2)}\n`);
      const winner = await moveIntoPlace(work, directory);
      return { directory, record: winner ?? record, reused: false, seconds: seconds() };
    } finally {
      await rm(work, { recursive: true, force: true });
      forget();
    }
  } catch (error) {
    throw explainDiskFull(error, root);
  }
}

/** The whole entries of a kind, newest first. */
export async function listCache(
  kind: string,
  root: string = cacheDirectory(),
): Promise<{ directory: string; record: CacheRecord }[]> {
  const entries: { directory: string; record: CacheRecord }[] = [];
  for (const name of await names(join(root, kind))) {
    const directory = join(root, kind, name);
    const record = await readEntry(directory);
    if (record !== undefined) entries.push({ directory, record });
  }
  return entries.sort((a, b) => (a.record.created < b.record.created ? 1 : -1));
}

/** Undefined where there is no entry or where its files are gone or of another size. */
async function readEntry(directory: string): Promise<CacheRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(directory, 'entry.json'), 'utf8')) as CacheRecord;
    for (const [name, { bytes }] of Object.entries(record.files)) {
      if ((await stat(join(directory, name))).size !== bytes) return undefined;
    }
    return record;
  } catch {
    return undefined;
  }
}

/** Another process may have been faster: its entry stands, and its record is returned. */
async function moveIntoPlace(work: string, directory: string): Promise<CacheRecord | undefined> {
  try {
    await rename(work, directory);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  const other = await readEntry(directory);
  if (other !== undefined) return other;
  // What is there is damaged (readEntry refused it): it gives way.
  await rm(directory, { recursive: true, force: true });
  await rename(work, directory);
  return undefined;
}

async function describeFiles(directory: string): Promise<CacheRecord['files']> {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size } = await stat(path);
    files[path.slice(directory.length + 1)] = { bytes: size, sha256: await hashFile(path) };
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Removes what a process that is no more was making. */
async function removeAbandoned(temporary: string): Promise<void> {
  for (const name of await names(temporary)) {
    const pid = Number(/-(\d+)\.\d+$/.exec(name)?.[1]);
    if (Number.isInteger(pid) && pid > 0 && !existsSync(`/proc/${pid}`)) {
      await rm(join(temporary, name), { recursive: true, force: true });
    }
  }
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}
