// SPDX-License-Identifier: Apache-2.0
// The Java service of an image: described by guest/service/<name>/service.json, compiled by the
// host's javac against the jars of the guest's own userland.
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, type CacheEntry, cached } from './cache.ts';
import { BuildError } from './cache-error.ts';
import { remembered, toolFingerprint } from './cache-fingerprint.ts';
import { runCommand } from './cache-process.ts';
import { guestDirectory, hashSources } from './image-programs.ts';

/** `service.json`. */
export interface ServiceDescription {
  readonly name: string;
  readonly about: string;
  readonly main: string;
  /** For javac --release. */
  readonly release: string;
  /** Of the JVM, beyond those every service gets. */
  readonly options: readonly string[];
  /** Of the distribution. */
  readonly packages: readonly string[];
  /** Names below /usr/share/java, without .jar. */
  readonly jars: readonly string[];
}

/** Small heaps and slow CPUs: the serial collector, the first compiler only, memory accounted for. */
const commonOptions = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:NativeMemoryTracking=detail',
  '-Xshare:auto',
];

/**
 * The description of a service that the repository holds.
 * @throws BuildError INPUT, naming those there are.
 */
export async function describeService(name: string): Promise<ServiceDescription> {
  const root = join(guestDirectory, 'service');
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (!names.includes(name)) {
    const message = `there is no service "${name}"`;
    throw new BuildError('INPUT', message, root, `There is ${names.sort().join(', ')}.`);
  }
  const text = await readFile(join(root, name, 'service.json'), 'utf8');
  return { name, ...(JSON.parse(text) as Omit<ServiceDescription, 'name'>) };
}

async function javacVersion(options: BuildOptions): Promise<string> {
  const inputs = { question: 'javac', tool: await toolFingerprint('javac') };
  return remembered(inputs, async () => (await runCommand(['javac', '-version'])).trim(), options);
}

/** `classes/`, `main` and `arguments` in the entry's directory: what guest/service/launch wants. */
export async function ensureService(
  service: ServiceDescription,
  userland: CacheEntry,
  options: BuildOptions = {},
): Promise<CacheEntry> {
  const sources = await hashSources(`service/${service.name}/src`, /./);
  const inputs = {
    recipe: 2,
    service,
    javac: await javacVersion(options),
    sources,
    commonOptions,
    // The class files depend on the jars they are compiled against.
    userland: service.jars.length > 0 ? userland.record.key : null,
  };
  return cached(
    'service',
    inputs,
    async (directory) => {
      options.onProgress?.({ step: 'service', message: `compiling ${service.name}` });
      const jars = await unpackJars(service, userland, directory, options);
      await compile(service, Object.keys(sources).sort(), jars, directory, options);
      await rm(join(directory, 'jars'), { recursive: true, force: true });
      const installed = service.jars.map((jar) => `/usr/share/java/${jar}.jar`);
      const classPath = ['/opt/rekindle/classes', ...installed].join(':');
      const settings = [...commonOptions, ...service.options, `-cp ${classPath}`];
      await writeFile(join(directory, 'arguments'), `${settings.join('\n')}\n`);
      await writeFile(join(directory, 'main'), `${service.main}\n`);
    },
    options,
  );
}

/** The jars on the host, as paths. */
async function unpackJars(
  service: ServiceDescription,
  userland: CacheEntry,
  directory: string,
  options: BuildOptions,
): Promise<string[]> {
  if (service.jars.length === 0) return [];
  const root = join(directory, 'jars');
  await mkdir(root);
  const tar = join(userland.directory, 'userland.tar');
  await runCommand(['tar', '-xf', tar, '-C', root, '--no-same-owner', './usr/share/java'], {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const paths = service.jars.map((jar) => join(root, 'usr/share/java', `${jar}.jar`));
  for (const path of paths) {
    if (await stat(path).catch(() => undefined)) continue;
    throw new BuildError(
      'PACKAGE_MISSING',
      `the packages of this release hold no ${path.slice(root.length)}`,
      `guest/service/${service.name}/service.json`,
      'Build another service, or on another release: rekindle image build --service orders',
    );
  }
  return paths;
}

async function compile(
  service: ServiceDescription,
  sources: readonly string[],
  jars: readonly string[],
  directory: string,
  options: BuildOptions,
): Promise<void> {
  const classes = join(directory, 'classes');
  await mkdir(classes);
  const settings = ['--release', service.release, '-proc:none', '-parameters', '-d', classes];
  if (jars.length > 0) settings.push('-cp', jars.join(':'));
  const java = sources.filter((path) => path.endsWith('.java'));
  await runCommand(['javac', ...settings, ...java], {
    cwd: guestDirectory,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const base = `service/${service.name}/src/`;
  for (const path of sources.filter((source) => !source.endsWith('.java'))) {
    await cp(join(guestDirectory, path), join(classes, path.slice(base.length)));
  }
}
