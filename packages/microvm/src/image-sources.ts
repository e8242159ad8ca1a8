// SPDX-License-Identifier: Apache-2.0
// The host's own package sources: the guest is made of the same distribution, from the same
// mirrors, without this repository naming one.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuildError } from './cache-error.ts';
import { runCommand } from './cache-process.ts';

export interface PackageSources {
  /** `ID` and `VERSION_CODENAME` of /etc/os-release. */
  readonly distribution: string;
  readonly suite: string;
  /** dpkg's name, such as amd64. */
  readonly architecture: string;
  /** One-line apt sources of the distribution itself (third parties are left out). */
  readonly lines: readonly string[];
  /** The host's settings for fetching (proxies, time-outs), as `Name "value";`. */
  readonly fetchOptions: readonly string[];
}

/** One index file that apt knows of, from `apt-get indextargets`. */
interface IndexTarget {
  readonly origin: string;
  /** Of the release, such as bookworm-security where the source says oldstable-security. */
  readonly codename: string;
  /** As the source names it. */
  readonly suite: string;
  readonly uri: string;
  readonly component: string;
}

/**
 * Reads the host's sources.
 * @throws BuildError PACKAGE_MISSING where apt has no package lists.
 */
export async function readPackageSources(): Promise<PackageSources> {
  const release = parseOsRelease(await readFile('/etc/os-release', 'utf8'));
  const distribution = release.ID ?? 'unknown';
  const suite = release.VERSION_CODENAME ?? '';
  const architecture = (await runCommand(['dpkg', '--print-architecture'])).trim();
  const format = '$(ORIGIN)|$(CODENAME)|$(RELEASE)|$(REPO_URI)|$(COMPONENT)|$(ARCHITECTURE)';
  const listed = await runCommand([
    'apt-get',
    'indextargets',
    '--format',
    format,
    'Created-By: Packages',
  ]);
  const targets = parseTargets(listed, architecture).filter(
    (target) => target.origin.toLowerCase() === distribution && target.codename.startsWith(suite),
  );
  if (suite === '' || targets.length === 0) {
    throw new BuildError(
      'PACKAGE_MISSING',
      `apt has no package lists of ${distribution} ${suite}`,
      '/var/lib/apt/lists',
      'sudo apt-get update',
    );
  }
  const signers = await readSigners('/etc/apt');
  const lines = joinComponents(targets).map(({ uri, suite: name, components }) => {
    const key = signers.get(withSlash(uri)) ?? defaultKeyring(distribution);
    const option = key === undefined ? '' : `[signed-by=${key}] `;
    return `deb ${option}${uri} ${name} ${components.join(' ')}`;
  });
  const settings = await runCommand(['apt-config', 'dump']);
  const fetchOptions = settings
    .split('\n')
    .filter((line) =>
      /^Acquire::(https?::|Check-(Date|Valid-Until) |Retries |ForceIPv[46] )/.test(line),
    );
  return { distribution, suite, architecture, lines, fetchOptions };
}

/**
 * Options that make apt read these sources only, from the host's lists, without root and
 * without locks or caches of its own. Writes the sources into `directory`.
 */
export async function aptOptions(sources: PackageSources, directory: string): Promise<string[]> {
  const list = join(directory, 'sources.list');
  await writeFile(list, `${sources.lines.join('\n')}\n`);
  return [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'Debug::NoLocking=1',
    // The sandbox user cannot write into a private directory, and apt would warn of it.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
}

/** Calls `use` with apt options for the host's sources; the sources file lasts as long. */
export async function withApt<T>(
  use: (apt: readonly string[], sources: PackageSources) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), 'rekindle-apt-'));
  try {
    const sources = await readPackageSources();
    return await use(await aptOptions(sources, scratch), sources);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** NAME=value lines, values perhaps quoted (os-release(5)). */
export function parseOsRelease(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z0-9_]+)=(["']?)(.*)\2$/.exec(line.trim());
    if (match) values[match[1]!] = match[3]!;
  }
  return values;
}

function parseTargets(text: string, architecture: string): IndexTarget[] {
  return text
    .split('\n')
    .map((line) => line.split('|'))
    .filter((fields) => fields.length === 6 && fields[5] === architecture)
    .map(([origin, codename, suite, uri, component]) => ({
      origin: origin!,
      codename: codename!,
      suite: suite!,
      uri: uri!,
      component: component!,
    }));
}

function joinComponents(
  targets: readonly IndexTarget[],
): { uri: string; suite: string; components: string[] }[] {
  const joined = new Map<string, { uri: string; suite: string; components: string[] }>();
  for (const { uri, suite, component } of targets) {
    const key = `${uri} ${suite}`;
    const entry = joined.get(key) ?? { uri, suite, components: [] };
    if (!entry.components.includes(component)) entry.components.push(component);
    joined.set(key, entry);
  }
  // The suite itself before its updates, whatever order the host keeps them in.
  return [...joined.values()].sort((a, b) =>
    a.suite === b.suite ? (a.uri < b.uri ? -1 : 1) : a.suite < b.suite ? -1 : 1,
  );
}

/** Repository address (with a slash at the end) to the key file that signs it. */
async function readSigners(etc: string): Promise<Map<string, string>> {
  const signers = new Map<string, string>();
  for (const [name, text] of await readSourceFiles(etc)) {
    for (const { uris, key } of name.endsWith('.sources')
      ? parseStanzas(text)
      : parseOneLines(text)) {
      for (const uri of uris) if (key.startsWith('/')) signers.set(withSlash(uri), key);
    }
  }
  return signers;
}

async function readSourceFiles(etc: string): Promise<[string, string][]> {
  const paths = [join(etc, 'sources.list')];
  const parts = join(etc, 'sources.list.d');
  if (existsSync(parts)) paths.push(...(await readdir(parts)).map((name) => join(parts, name)));
  const readable = paths.filter((path) => /\.(list|sources)$/.test(path) && existsSync(path));
  return Promise.all(
    readable.map(async (path): Promise<[string, string]> => [path, await readFile(path, 'utf8')]),
  );
}

/** deb822 style (sources.list(5)). */
export function parseStanzas(text: string): { uris: string[]; key: string }[] {
  return text
    .replace(/^#.*\n?/gm, '')
    .split(/\n\s*\n/)
    .map((stanza) => ({
      uris: field(stanza, 'URIs').split(/\s+/).filter(Boolean),
      key: field(stanza, 'Signed-By'),
    }));
}

function field(stanza: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1]?.trim() ?? '';
}

/** One-line style (sources.list(5)). */
export function parseOneLines(text: string): { uris: string[]; key: string }[] {
  return [...text.matchAll(/^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)/gm)].map((match) => ({
    uris: [match[2]!],
    key: /signed-by=(\S+)/.exec(match[1] ?? '')?.[1] ?? '',
  }));
}

function defaultKeyring(distribution: string): string | undefined {
  const path = `/usr/share/keyrings/${distribution}-archive-keyring.gpg`;
  return existsSync(path) ? path : undefined;
}

function withSlash(uri: string): string {
  return uri.endsWith('/') ? uri : `${uri}/`;
}
