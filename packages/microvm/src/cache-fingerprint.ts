// SPDX-License-Identifier: Apache-2.0
// Asking apt and javac what they would do takes seconds. Their answers hold as long as what
// they read is unchanged, so a second run asks the file system instead.
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, cached } from './cache.ts';
import { findTool } from './cache-process.ts';

/** What was computed from these inputs before, or what `compute` gives now. Must fit in JSON. */
export async function remembered<T>(
  inputs: unknown,
  compute: () => Promise<T>,
  options: BuildOptions,
): Promise<T> {
  const entry = await cached('answers', inputs, compute, options);
  return entry.record.facts as T;
}

/** Name, size and time of every file of these files and directories; what is absent is left out. */
async function fingerprint(paths: readonly string[]): Promise<string[]> {
  const marks: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) marks.push(`${path} ${found.size} ${found.mtimeMs}`);
    if (!found?.isDirectory()) continue;
    // What cannot be read (apt's partial downloads, for one) has no part in the answer either.
    const all = await readdir(path).catch(() => []);
    const names = all.sort().filter((name) => name !== 'lock' && name !== 'partial');
    marks.push(...(await fingerprint(names.map((name) => join(path, name)))));
  }
  return marks;
}

/** Changes with everything apt's answers depend on: package lists, sources, settings. */
export function aptFingerprint(): Promise<string[]> {
  return fingerprint(['/etc/os-release', '/etc/apt', '/var/lib/apt/lists']);
}

/** Changes with the program behind a tool's name. */
export async function toolFingerprint(name: string): Promise<string[]> {
  return fingerprint([await realpath(findTool(name))]);
}
