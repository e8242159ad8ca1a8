// SPDX-License-Identifier: Apache-2.0
// The house rules that a linter cannot say: who may import whom, no deep imports, no cycles, one door
// to the kernel, browser-safe rooms, a sentence at every door, a lock file that names no host.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The house from left to right: a room may import only rooms that stand before it. */
const ORDER = [
  'bytes',
  'jfr',
  'events',
  'linux',
  'recorder',
  'pager',
  'memory',
  'microvm',
  'analysis',
  'viewer',
  'cli',
];
/** Rooms whose main entry must run in a browser. */
const BROWSER_SAFE = ['bytes', 'jfr', 'events', 'memory', 'analysis', 'viewer'];
const FFI = 'koffi';
const HOME = 'linux';

interface Manifest {
  readonly exports?: Record<string, Record<string, string>>;
  readonly dependencies?: Record<string, string>;
}

const problems: string[] = [];
const problem = (place: string, what: string): void => void problems.push(`${place}: ${what}`);

function sources(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Module names in import, export-from and dynamic import, comments left out. */
function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  return [
    ...text.matchAll(/(?:^|[;}\s])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/(?:^|[;}\s])import\s*['"]([^'"]+)['"]/g),
    ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g),
  ].map((match) => match[1] as string);
}

const isTest = (file: string): boolean => /\.test\.tsx?$|\/testing\//.test(file);

function checkRoom(room: string, index: number): void {
  const folder = join(root, 'packages', room);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const edges = Object.keys(manifest.dependencies ?? {});
  for (const edge of edges.filter((name) => name.startsWith('@rekindle/'))) {
    if (ORDER.indexOf(edge.slice('@rekindle/'.length)) >= index) {
      problem(`packages/${room}/package.json`, `imports against the drawn direction: ${edge}`);
    }
  }
  if (edges.includes(FFI) && room !== HOME) {
    problem(`packages/${room}/package.json`, `only ${HOME} may depend on ${FFI}`);
  }
  for (const file of sources(join(folder, 'src'))) {
    for (const name of imports(file)) checkImport(room, edges, file, name);
  }
  if (!existsSync(join(folder, 'README.md'))) problem(`packages/${room}`, 'has no README.md');
  if (BROWSER_SAFE.includes(room)) checkBrowserSafe(room);
}

function checkImport(room: string, edges: string[], file: string, name: string): void {
  const place = relative(root, file);
  if (name === FFI && room !== HOME) problem(place, `only ${HOME} may import ${FFI}`);
  const [, target, subpath] = /^@rekindle\/([^/]+)(\/.*)?$/.exec(name) ?? [];
  if (!target) return;
  if (!edges.includes(`@rekindle/${target}`) && !(isTest(file) && ORDER.indexOf(target) >= 0)) {
    problem(place, `imports @rekindle/${target}, which its package.json does not name`);
  }
  if (ORDER.indexOf(target) >= ORDER.indexOf(room)) {
    problem(place, `imports against the drawn direction: ${name}`);
  }
  if (!subpath) return;
  const manifest = JSON.parse(
    readFileSync(join(root, 'packages', target, 'package.json'), 'utf8'),
  ) as Manifest;
  if (!manifest.exports?.[`.${subpath}`]) problem(place, `deep import: ${name}`);
}

/** Follows relative imports from the main entry; none of those files may name a Node module. */
function checkBrowserSafe(room: string): void {
  const seen = new Set<string>();
  const queue = [join(root, 'packages', room, 'src/index.ts')];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (seen.has(file) || !existsSync(file)) continue;
    seen.add(file);
    for (const name of imports(file)) {
      if (name.startsWith('node:')) problem(relative(root, file), `not browser-safe: ${name}`);
      if (name.startsWith('.')) queue.push(join(dirname(file), name));
    }
  }
}

function checkFirstLines(): void {
  const folders = ['e2e', 'bench', 'tools', ...ORDER.map((room) => `packages/${room}/src`)];
  for (const file of folders.flatMap((folder) => sources(join(root, folder)))) {
    if (!readFileSync(file, 'utf8').startsWith('// SPDX-License-Identifier: Apache-2.0')) {
      problem(relative(root, file), 'first line is not the licence line');
    }
  }
}

function checkLock(): void {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  if (/"resolved": "https?:/.test(lock)) {
    problem('package-lock.json', 'names a download host; keep .npmrc and run npm install again');
  }
}

const present = readdirSync(join(root, 'packages'));
for (const room of present.filter((name) => !ORDER.includes(name))) {
  problem(`packages/${room}`, 'is not in the drawing (ORDER in tools/check-house.ts)');
}
ORDER.forEach(checkRoom);
checkFirstLines();
checkLock();
for (const line of problems) console.error(`house: ${line}`);
if (problems.length === 0) console.log(`house: ${ORDER.length} rooms in order`);
process.exit(problems.length === 0 ? 0 : 1);
