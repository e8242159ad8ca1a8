#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Set-up for a fresh Debian or Ubuntu machine: looks what is missing, shows the commands, runs them.
// Depends on nothing but Node, so that it can run before `npm ci`. What is there is never touched.
//
//   node tools/setup.mjs [--for demo|test] [--dry-run]
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const USAGE = 'usage: node tools/setup.mjs [--for demo|test] [--dry-run]';
const { dryRun, purpose } = options(process.argv.slice(2));

/** What the arguments ask for. Anything unknown ends set-up: it would else install what nobody asked for. */
function options(argv) {
  const asked = { dryRun: false, purpose: 'test' };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--help' || argv[i] === '-h') {
      console.log(USAGE);
      process.exit(0);
    } else if (argv[i] === '--dry-run') asked.dryRun = true;
    else if (argv[i] === '--for' && ['demo', 'test'].includes(argv[i + 1]))
      asked.purpose = argv[++i];
    else {
      const problem =
        argv[i] === '--for' ? '--for takes demo or test' : `no such option: ${argv[i]}`;
      console.error(`setup: ${problem}\n       ${USAGE}`);
      process.exit(2);
    }
  }
  return asked;
}

/** Ends set-up with one line that says what is wrong, and one that says what to do. */
function fail(problem, cure) {
  console.error(`setup: ${problem}${cure ? `\n       ${cure}` : ''}`);
  process.exit(1);
}

function onPath(command) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const output = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' }).stdout?.trim();

/** The file that the static linker would take, or undefined where there is none. */
function staticLibc() {
  const file = onPath('cc') ? output('cc', '-print-file-name=libc.a') : undefined;
  return file?.includes('/') && existsSync(file);
}

const isRoot = process.getuid?.() === 0;
// Each need: how to see that it is met, and the distribution packages that meet it (first that exists).
const needs = [
  { what: 'QEMU', met: () => onPath('qemu-system-x86_64'), packages: ['qemu-system-x86'] },
  { what: 'mmdebstrap', met: () => onPath('mmdebstrap'), packages: ['mmdebstrap'] },
  { what: 'mke2fs', met: () => onPath('mke2fs'), packages: ['e2fsprogs'] },
  { what: 'a C compiler', met: () => onPath('cc'), packages: ['gcc'] },
  { what: 'the static C library', met: staticLibc, packages: ['libc6-dev'] },
  {
    what: 'the Linux headers',
    met: () => existsSync('/usr/include/linux/userfaultfd.h'),
    packages: ['linux-libc-dev'],
  },
  // Kernel modules come compressed by either on newer releases.
  { what: 'zstd', met: () => onPath('zstd'), packages: ['zstd'] },
  { what: 'xz', met: () => onPath('xz'), packages: ['xz-utils'] },
  { what: 'dpkg-deb', met: () => onPath('dpkg-deb'), packages: ['dpkg'] },
  {
    what: 'a Java compiler',
    met: () => onPath('javac'),
    packages: ['openjdk-17-jdk-headless', 'default-jdk-headless'],
  },
  ...(isRoot ? [] : [{ what: 'newuidmap', met: () => onPath('newuidmap'), packages: ['uidmap'] }]),
];
const testNeeds = [
  { what: 'lz4', met: () => onPath('lz4'), packages: ['lz4'] },
  {
    what: 'cpio',
    met: () => onPath('cpio'),
    packages: ['cpio'],
    optional: 'our cpio archives will be judged by the kernel alone',
  },
  {
    what: 'Chromium',
    met: () => ['chromium', 'google-chrome'].some(onPath),
    packages: ['chromium'],
    optional: 'the browser tests will be listed as skipped',
  },
  {
    what: 'spin',
    met: () => onPath('spin'),
    packages: ['spin'],
    optional: 'the model of chunk rotation will not be checked',
  },
];

function run(command, args, options = {}) {
  console.log(`setup: $ ${[command, ...args].join(' ')}`);
  if (dryRun) return true;
  const result = spawnSync(command, args, { stdio: 'inherit', cwd: root, ...options });
  return result.status === 0;
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old`, 'rekindle needs Node 20.19 or newer');
}

function installPackages() {
  const all = purpose === 'test' ? [...needs, ...testNeeds] : needs;
  const missing = all.filter((need) => !need.met());
  if (missing.length === 0) return;
  if (!onPath('apt-get')) {
    fail(
      `missing: ${missing.map((need) => need.what).join(', ')}, and there is no apt-get`,
      `install these by hand: ${missing.map((need) => need.packages[0]).join(' ')}`,
    );
  }
  const sudo = isRoot ? [] : ['sudo'];
  if (!isRoot && !onPath('sudo')) {
    fail(
      'packages are missing, and this is neither root nor is there sudo',
      `ask an administrator for: apt-get install ${missing.map((need) => need.packages[0]).join(' ')}`,
    );
  }
  console.log(`setup: missing ${missing.map((need) => need.what).join(', ')}`);
  const apt = (...args) => {
    const line = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return run(line[0], line.slice(1));
  };
  apt('update', '-q');
  const wanted = [];
  for (const need of missing) {
    const found = need.packages.find(installable) ?? (dryRun ? need.packages[0] : undefined);
    if (found) wanted.push(found);
    else if (need.optional) console.log(`setup: no package for ${need.what}: ${need.optional}`);
    else fail(`no package for ${need.what}`, `looked for ${need.packages.join(', ')}`);
  }
  if (wanted.length > 0 && !apt('install', '-q', '-y', '--no-install-recommends', ...wanted)) {
    fail('apt-get could not install the packages above', 'mend that, then run this again');
  }
  for (const need of missing) {
    if (dryRun || need.met()) continue;
    if (need.optional) console.log(`setup: ${need.what} is not usable: ${need.optional}`);
    else fail(`${need.what} is still missing after the installation`, 'install it by hand');
  }
}

// Ubuntu's `chromium` package only points at a snap; such a candidate counts as none.
function installable(name) {
  const policy = output('apt-cache', 'policy', name) ?? '';
  return /Candidate: (?!\(none\))/.test(policy) && !/Candidate: .*snap/.test(policy);
}

/** Installs node_modules from the lock file when they are absent or older than it. */
function installModules() {
  const stamp = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(stamp) && sameModules(stamp, lock)) return;
  // Not `npm ci`: it refuses a lock that lacks the optional packages of other platforms, and a registry
  // that serves only this platform's never puts them in. What the lock names is installed as it says.
  if (!run('npm', ['install', '--no-save', '--no-audit', '--no-fund'])) {
    fail('npm install failed', 'see its message above; the npm registry must be reachable');
  }
}

function sameModules(stamp, lock) {
  if (statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return true;
  const versions = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
      .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.link && !entry.optional)
      .map(([path, entry]) => `${path}@${entry.version}`)
      .sort()
      .join('\n');
  return versions(stamp) === versions(lock);
}

function build() {
  if (!run('npm', ['run', '--silent', 'build'])) fail('the build failed', 'see the messages above');
}

checkNode();
installPackages();
installModules();
build();
