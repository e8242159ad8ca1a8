#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run extra -- jmc [FILE...]`: loads recordings (unless named: the demo's, where they are, and one of
// a Node.js program made now) with JDK Mission Control's parser, compares the number of events of each type
// with ours, and has its rules judge them. Needs Maven, a JDK, Maven Central.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const libraries = join(root, 'node_modules/.cache/jmc');

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === 0) return { stdout, stderr };
  console.error(
    `extra jmc: ${command} failed: ${error?.message ?? (stderr || stdout).slice(-800)}`,
  );
  console.error('  it needs mvn and a JDK 17 or newer on PATH, and Maven Central');
  process.exit(1);
}

/** Events by type as our own reader counts them. */
function ours(file) {
  const { stdout } = run('node', [
    'packages/cli/bin/rekindle.cjs',
    'jfr',
    'summary',
    '--json',
    file,
  ]);
  return new Map(JSON.parse(stdout).events.map(({ name, count }) => [name, count]));
}

/** A recording of a Node.js program that does something of everything. */
function recordBusy() {
  const file = join(mkdtempSync(join(tmpdir(), 'jmc-')), 'node.jfr');
  const program = 'packages/recorder/src/testing/programs/busy.mjs';
  const options = ['record', '--settings', 'profile', '--filename', file];
  run('node', ['packages/cli/bin/rekindle.cjs', ...options, '--', 'node', program]);
  return file;
}

const named = process.argv.slice(2).map((file) => resolve(file));
const missing = named.find((path) => !existsSync(path));
if (missing !== undefined) {
  console.error(`extra jmc: no ${missing}`);
  process.exit(1);
}
const demo = ['ondemand', 'prefetch'].map((name) => join(root, `demo/run-${name}.jfr`));
const files = named.length > 0 ? named : [...demo.filter((path) => existsSync(path)), recordBusy()];
if (!existsSync(libraries) || !readdirSync(libraries).some((jar) => /rules\.jdk/.test(jar))) {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  run('mvn', ['-q', '-B', '-f', 'e2e/jmc/pom.xml', goal, `-DoutputDirectory=${libraries}`]);
}
const classpath = readdirSync(libraries)
  .map((jar) => join(libraries, jar))
  .join(':');
const { stdout, stderr } = run('java', ['-cp', classpath, 'e2e/jmc/Load.java', ...files]);
let failed = /SEVERE|Exception/.test(stderr);
if (failed) console.error(stderr);
for (const file of files) {
  const theirs = new Map(
    stdout
      .split('\n')
      .filter((line) => line.startsWith(`${file} `))
      .map((line) => line.slice(file.length + 1).split(' '))
      .map(([type, count]) => [type, Number(count)]),
  );
  const counts = [...ours(file)].filter(
    ([name, count]) => count > 0 && name !== 'jdk.Metadata' && name !== 'jdk.Checkpoint',
  );
  const different = counts.filter(([name, count]) => theirs.get(name) !== count);
  for (const [name, count] of different) {
    console.error(`${file}: ${name}: ours ${count}, JMC ${theirs.get(name) ?? 0}`);
  }
  failed ||= different.length > 0;
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  console.log(`${file}: JMC loads ${total} events of ${counts.length} types, as we do`);
}
const rules = spawnSync('java', ['-cp', classpath, 'e2e/jmc/Rules.java', ...files], {
  cwd: root,
  encoding: 'utf8',
});
console.log(rules.stdout.trim());
if (rules.status !== 0 || /SEVERE/.test(rules.stderr)) {
  console.error(rules.stderr);
  failed = true;
}
process.exit(failed ? 1 : 0);
