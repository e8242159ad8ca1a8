// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  compactMemory,
  type GuestRange,
  PAGER_POLICIES,
  PagerError,
  type PagerOptions,
  type PagerPolicy,
  type PagerSummary,
  sharedPathFor,
  spawnPager,
} from '@rekindle/pager';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FileError } from '../file-error.ts';
import { formatBytes, printJson, printTable } from '../output.ts';

interface ServeFlags {
  readonly socket: string;
  readonly memory: string;
  readonly measureWaste?: true;
  readonly share?: true;
  readonly diff?: readonly string[];
  readonly cache?: string;
  readonly record?: string;
  readonly log?: string;
  readonly workingSet?: string;
  readonly policy?: PagerPolicy;
  readonly handshakeTimeout: number;
  readonly manifest?: string;
  readonly json?: true;
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) {
    throw new InvalidArgumentError('must be a whole number of milliseconds above 0.');
  }
  return value;
}

/** What a pager needs of a snapshot's manifest, when there is one. */
function fromManifest(path: string): Pick<PagerOptions, 'regions' | 'snapshotHash'> {
  const text = FileError.wrap(path, () => readFileSync(path, 'utf8'));
  const manifest = jsonOf(text) as {
    machine?: { regions?: readonly GuestRange[] };
    files?: { memory?: { sha256?: string } };
  } | null;
  const regions = manifest?.machine?.regions;
  const snapshotHash = manifest?.files?.memory?.sha256;
  if (regions === undefined || snapshotHash === undefined) {
    throw new PagerError('LAYOUT', 'no memory regions in it', path, 'name the manifest.json');
  }
  return { regions, snapshotHash };
}

/** null for what is no JSON: nothing is in it then. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function printSummary(summary: PagerSummary): void {
  const pages = (count: number): string => count.toLocaleString('en');
  printTable(
    ['pages', 'count'],
    [
      ['faults', pages(summary.faults)],
      ['copied', pages(summary.copied)],
      ['zeroed', pages(summary.zeroed)],
      ['found present', pages(summary.raced)],
      ['prefetched', pages(summary.prefetched)],
      ['of all these shared with clones', pages(summary.shared)],
      [
        `of these never touched (${summary.wasted < 0 ? '' : 'by the '}${summary.wastedBy})`,
        summary.wasted < 0 ? '-' : pages(summary.wasted),
      ],
      ['given back', pages(Math.round(summary.removed / 4096))],
    ],
    [1],
  );
  const end =
    summary.reason === 'detached' ? 'left the VM complete and to itself' : 'the VM has ended';
  process.stdout.write(`time stalled: ${(summary.stalled / 1e6).toFixed(2)} ms; ${end}\n`);
}

function serveCommand(): Command {
  return new Command('serve')
    .description('Serve the page faults of one VM, from its handshake to its end')
    .requiredOption('--socket <path>', 'Unix socket to listen on, for the VMM to connect to')
    .requiredOption('--memory <file>', 'memory file, compact memory, or the address of one')
    .option('--diff <file...>', 'diff snapshots over the memory file, oldest first')
    .option('--share', 'share pages with the other clones of this memory (preload library only)')
    .option('--cache <file>', 'keep pieces of a remote memory here')
    .option('--record <file>', 'record every fault into a flight recording')
    .option('--log <file>', 'write fireCRaCer’s text log')
    .option('--working-set <file>', 'pages to install ahead of demand')
    .addOption(new Option('--policy <policy>', 'what to install when').choices(PAGER_POLICIES))
    .option('--handshake-timeout <ms>', 'how long to wait for a VMM', milliseconds, 10_000)
    .option('--manifest <file>', 'manifest.json of the snapshot: guest-physical layout and hash')
    .option('--measure-waste', 'count prefetched pages that nobody touches (emulated guests)')
    .option('--json', 'the summary as JSON on stdout')
    .addHelpText(
      'after',
      [
        '',
        'SIGINT and SIGTERM make it install the rest of the memory and leave the VM to itself.',
        '',
        'Example:',
        '  rekindle pager serve --socket /tmp/uffd.sock --memory snapshot/memory --record run.jfr',
      ].join('\n'),
    )
    .action(async (flags: ServeFlags) => {
      const memory = {
        memoryPath: flags.memory,
        ...(flags.diff === undefined ? {} : { diffPaths: flags.diff }),
        ...(flags.manifest === undefined ? {} : fromManifest(flags.manifest)),
      };
      const sharedPath = flags.share === true ? sharedPathFor(memory) : undefined;
      const pager = spawnPager({
        ...memory,
        socketPath: flags.socket,
        ...(sharedPath === undefined ? {} : { sharedPath }),
        handshakeTimeoutMs: flags.handshakeTimeout,
        ...(flags.measureWaste === undefined ? {} : { measureWaste: true }),
        ...(flags.cache === undefined ? {} : { cachePath: flags.cache }),
        ...(flags.record === undefined ? {} : { recordPath: flags.record }),
        ...(flags.log === undefined ? {} : { textLogPath: flags.log }),
        ...(flags.workingSet === undefined ? {} : { workingSetPath: flags.workingSet }),
        ...(flags.policy === undefined ? {} : { policy: flags.policy }),
      });
      const stop = (): void => pager.stop();
      process.on('SIGINT', stop);
      process.on('SIGTERM', stop);
      try {
        await pager.ready;
        if (!flags.json) process.stderr.write(`listening on ${flags.socket}\n`);
        if (!flags.json && sharedPath !== undefined) {
          process.stderr.write(`start the VMM with REKINDLE_UFFD_SHARED=${sharedPath}\n`);
        }
        const { pid } = await pager.connected;
        if (!flags.json) process.stderr.write(`serving process ${pid}\n`);
        const summary = await pager.done;
        if (flags.json) printJson(summary);
        else printSummary(summary);
      } finally {
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
      }
    });
}

function level(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 19) {
    throw new InvalidArgumentError('must be a whole number from 1 to 19.');
  }
  return value;
}

function compactCommand(): Command {
  return new Command('compact')
    .description('Store a memory file compressed: zero pages not at all, equal pages once')
    .argument('<memory>', 'memory file of a snapshot')
    .argument('<output>', 'where to; any pager can serve it, from a web server too')
    .option('--level <level>', 'zstd level', level, 3)
    .option('--json', 'what it saved, as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle pager compact snapshot/memory memory.compact')
    .action(async (memory: string, output: string, flags: { level: number; json?: true }) => {
      const result = compactMemory(memory, output, flags.level);
      if (flags.json) return printJson(result);
      const pages = (count: number): string => count.toLocaleString('en');
      process.stdout.write(
        `${output}: ${formatBytes(result.fileBytes)} of ${formatBytes(result.memoryBytes)}; ` +
          `${pages(result.zeroPages)} zero pages, ${pages(result.duplicatePages)} equal to another, ` +
          `${pages(result.storedPages)} stored\n`,
      );
    });
}

/** `rekindle pager`. */
export function pagerCommand(): Command {
  return new Command('pager')
    .description('Page-fault handler for any VMM that speaks Firecracker’s handshake')
    .addCommand(serveCommand())
    .addCommand(compactCommand())
    .addHelpText(
      'after',
      '\nExample:\n  rekindle pager serve --socket /tmp/uffd.sock --memory snapshot/memory',
    );
}
