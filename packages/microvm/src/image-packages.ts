// SPDX-License-Identifier: Apache-2.0
// What apt would install, asked without installing anything.
import { BuildError } from './cache-error.ts';
import { runCommand } from './cache-process.ts';

/** A package as apt would install it. */
export interface ResolvedPackage {
  readonly name: string;
  readonly version: string;
}

/** A stanza of `apt-cache show`. */
export interface PackageRecord extends ResolvedPackage {
  /** First alternatives of Depends, without versions. */
  readonly depends: readonly string[];
}

/**
 * The newest record of a package.
 * @returns undefined where the sources have no such package.
 */
export async function showPackage(
  name: string,
  apt: readonly string[],
): Promise<PackageRecord | undefined> {
  let text: string;
  try {
    text = await runCommand(['apt-cache', ...apt, 'show', '--no-all-versions', name]);
  } catch (error) {
    if (error instanceof BuildError && error.code === 'COMMAND_FAILED') return undefined;
    throw error;
  }
  const version = /^Version: (\S+)$/m.exec(text)?.[1];
  if (version === undefined) return undefined; // a purely virtual package
  return {
    name: /^Package: (\S+)$/m.exec(text)?.[1] ?? name,
    version,
    depends: parseDepends(/^Depends: (.*)$/m.exec(text)?.[1] ?? ''),
  };
}

/** "a (>= 1), b | c, d:any" gives a, b, d. */
export function parseDepends(text: string): string[] {
  return text
    .split(',')
    .map((part) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(part)?.[1])
    .filter((name) => name !== undefined);
}

/**
 * Everything a minimal system with these packages would hold, in order of name.
 * @throws BuildError PACKAGE_MISSING where apt finds no solution.
 */
export async function resolvePackages(
  wanted: readonly string[],
  apt: readonly string[],
): Promise<ResolvedPackage[]> {
  const options = ['-o', 'Dir::State::status=/dev/null', '-o', 'APT::Install-Recommends=0'];
  const command: [string, ...string[]] = ['apt-get', '-s', ...apt, ...options, 'install'];
  try {
    // What `mmdebstrap --variant=minbase` begins with (mmdebstrap(1), VARIANTS).
    const base = ['?essential', '?priority(required)', 'apt'];
    return parseSimulation(await runCommand([...command, ...base, ...wanted]));
  } catch (error) {
    if (!(error instanceof BuildError) || error.code !== 'COMMAND_FAILED') throw error;
    throw new BuildError(
      'PACKAGE_MISSING',
      `apt cannot install ${wanted.join(' ')}:\n${error.message}`,
      error.place,
      'sudo apt-get update, then run it again.',
      error,
    );
  }
}

/** `Inst name (version origin [architecture]) ...` lines of `apt-get --simulate`. */
export function parseSimulation(text: string): ResolvedPackage[] {
  return [...text.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) /gm)]
    .map((match) => ({ name: match[1]!, version: match[2]! }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The first of these packages that the sources have. */
export async function firstAvailable(
  names: readonly string[],
  apt: readonly string[],
): Promise<PackageRecord> {
  for (const name of names) {
    const record = await showPackage(name, apt);
    if (record !== undefined) return record;
  }
  throw new BuildError(
    'PACKAGE_MISSING',
    `the package sources have none of ${names.join(', ')}`,
    'apt-cache show',
    'sudo apt-get update, then run it again.',
  );
}
