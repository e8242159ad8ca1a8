#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run extra -- jolokia`: the Jolokia project's JMX client and the JDK's RemoteRecordingStream drive a
// recorder, on every JDK that is here. Needs Maven, a JDK 17 or newer, Maven Central.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register();
const { findJdks } = await import('../packages/jfr/src/testing/jdk.ts');

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const libraries = join(root, 'node_modules/.cache/jolokia');

function fail(problem) {
  console.error(`extra jolokia: ${problem}`);
  console.error('  it needs mvn and a JDK 17 or newer, and Maven Central');
  process.exit(1);
}

if (!existsSync(libraries)) {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';
  const args = ['-q', '-B', '-f', 'e2e/jolokia/pom.xml', goal, `-DoutputDirectory=${libraries}`];
  const { status, stdout, stderr, error } = spawnSync('mvn', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) fail(`mvn failed: ${error?.message ?? (stderr || stdout).slice(-800)}`);
}
const classpath = readdirSync(libraries)
  .map((jar) => join(libraries, jar))
  .join(':');

/** One JDK against a process of its own; true when every step was right. */
async function drive({ home, version }) {
  const directory = mkdtempSync(join(tmpdir(), 'jolokia-'));
  const server = spawn(process.execPath, ['e2e/jolokia/server.mjs', directory], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface({ input: server.stdout }), 'line');
    const args = ['-cp', classpath, 'e2e/jolokia/Drive.java', ...line.split(' '), directory];
    console.log(`JDK ${version}`);
    const java = spawn(join(home, 'bin/java'), args, { cwd: root, stdio: 'inherit' });
    const [status] = await once(java, 'exit');
    return status === 0;
  } finally {
    server.stdin.end();
    await once(server, 'exit');
    rmSync(directory, { recursive: true, force: true });
  }
}

const jdks = findJdks().filter(({ version }) => version >= 17);
if (jdks.length === 0) fail('no JDK found');
let right = true;
for (const jdk of jdks) right = (await drive(jdk)) && right;
if (!right) process.exitCode = 1;
