// SPDX-License-Identifier: Apache-2.0
import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { probeUserFaultFd } from '@rekindle/linux';
import {
  cacheDirectory,
  chooseAccelerator,
  FirecrackerEngine,
  findBinary,
  listCache,
  QemuEngine,
  stateRoot,
} from '@rekindle/microvm';
import { buildPreload } from '@rekindle/pager';
import { Command } from 'commander';
import { SYSTEM_HINTS } from '../file-error.ts';
import { formatBytes, printJson, printTable } from '../output.ts';

/** `missing` keeps something from working; `note` does not. */
type Verdict = 'ok' | 'note' | 'missing';

interface Finding {
  readonly what: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do about it; empty when nothing. */
  readonly cure: string;
}

const GIB = 1024 ** 3;

/** What this host can do, and how to mend what it cannot. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'What this host can do, and how to mend what it cannot; exit 1 if something is missing',
    )
    .option('--json', 'the findings as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle doctor --json')
    .action(async (flags: { json?: true }) => {
      const findings = [
        node(),
        ...(await engine()),
        await firecracker(),
        pager(),
        await preload(),
        ...tools(),
        ...(await cached()),
        space(),
        memory(),
      ];
      if (flags.json) printJson(findings);
      else {
        printTable(
          ['', 'what', 'found'],
          findings.map(({ what, verdict, found }) => [verdict, what, found]),
        );
        for (const { what, cure } of findings) {
          if (cure !== '') process.stdout.write(`\n${what}: ${cure}`);
        }
        process.stdout.write('\n');
      }
      if (findings.some(({ verdict }) => verdict === 'missing')) process.exitCode = 1;
    });
}

function finding(what: string, verdict: Verdict, found: string, cure = ''): Finding {
  return { what, verdict, found, cure: verdict === 'ok' ? '' : cure };
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return finding(
    'Node.js',
    enough ? 'ok' : 'missing',
    process.versions.node,
    'install Node.js 20.19 or later',
  );
}

async function engine(): Promise<Finding[]> {
  const probe = await new QemuEngine().probe();
  if (probe.version === undefined || probe.binary === undefined) {
    return [finding('QEMU', 'missing', 'not found', probe.problem ?? '')];
  }
  const qemu = finding('QEMU', 'ok', `${probe.version} (${probe.binary})`);
  const [kernel] = await listCache('kernel');
  if (kernel === undefined) {
    return [
      qemu,
      finding('acceleration', 'note', 'not known without a guest kernel', 'rekindle kernel fetch'),
    ];
  }
  const choice = await chooseAccelerator({
    binary: probe.binary,
    version: probe.version,
    kernel: `${kernel.directory}/vmlinuz`,
  });
  return [
    qemu,
    choice.accelerator === 'kvm'
      ? finding('acceleration', 'ok', choice.reason)
      : finding(
          'acceleration',
          'note',
          choice.reason,
          'everything works in emulation, only slower; for KVM use a host with hardware virtualization',
        ),
  ];
}

async function firecracker(): Promise<Finding> {
  const { available, version, problem } = await new FirecrackerEngine().probe();
  return available
    ? finding('Firecracker', 'ok', version ?? '')
    : finding('Firecracker', 'note', problem ?? 'not usable', 'nothing to do: QEMU does its work');
}

function pager(): Finding {
  const { available, reason } = probeUserFaultFd();
  return finding(
    'userfaultfd',
    available ? 'ok' : 'missing',
    reason,
    'sudo sysctl vm.unprivileged_userfaultfd=1, or let this user open /dev/userfaultfd: sudo setfacl -m u:$USER:rw /dev/userfaultfd; without it only --pager file works',
  );
}

async function preload(): Promise<Finding> {
  try {
    return finding('preload library', 'ok', await buildPreload());
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return finding(
      'preload library',
      'missing',
      message.split('\n')[0] ?? '',
      SYSTEM_HINTS[code ?? ''] ?? 'sudo apt-get install gcc libc6-dev',
    );
  }
}

const TOOLS: readonly [tool: string, purpose: string, cure: string, verdict: Verdict][] = [
  ['setpriv', 'to end VMs with their owner', 'sudo apt-get install util-linux', 'missing'],
  ['mmdebstrap', 'to build images', 'sudo apt-get install mmdebstrap', 'missing'],
  ['mke2fs', 'to build images', 'sudo apt-get install e2fsprogs', 'missing'],
  ['dpkg-deb', 'to unpack guest kernels', 'sudo apt-get install dpkg', 'missing'],
  ['cc', 'to build guest programs', 'sudo apt-get install gcc libc6-dev', 'missing'],
  ['javac', 'to build the demo service', 'sudo apt-get install default-jdk-headless', 'note'],
];

function tools(): Finding[] {
  return TOOLS.map(([tool, purpose, cure, verdict]) => {
    const path = findBinary(tool) ?? findBinary(`/usr/sbin/${tool}`) ?? findBinary(`/sbin/${tool}`);
    return path === undefined
      ? finding(tool, verdict, `not found, needed ${purpose}`, cure)
      : finding(tool, 'ok', path);
  });
}

async function cached(): Promise<Finding[]> {
  const kinds = [
    ['kernel', 'guest kernel', 'rekindle kernel fetch'],
    ['image', 'root image', 'rekindle image build'],
  ] as const;
  return Promise.all(
    kinds.map(async ([kind, what, cure]) => {
      const [newest] = await listCache(kind);
      return newest === undefined
        ? finding(what, 'note', 'not made yet; rekindle run makes it', cure)
        : finding(what, 'ok', newest.directory);
    }),
  );
}

function space(): Finding {
  const directory = cacheDirectory();
  for (let path = directory; ; path = path.slice(0, path.lastIndexOf('/')) || '/') {
    try {
      const { bavail, bsize } = statfsSync(path);
      const free = bavail * bsize;
      return finding(
        'disk space',
        free > 4 * GIB ? 'ok' : 'note',
        `${formatBytes(free)} free for ${directory}`,
        'building an image takes about 2 GiB; XDG_CACHE_HOME puts the cache elsewhere',
      );
    } catch (error) {
      if (path === '/') throw error;
    }
  }
}

function memory(): Finding {
  const free = freemem();
  return finding(
    'memory',
    free > GIB ? 'ok' : 'note',
    `${formatBytes(free)} free; VMs live in ${stateRoot()}`,
    'a guest of the demo takes about 0.5 GiB',
  );
}
