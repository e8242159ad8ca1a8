// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  type GuestRange,
  PAGER_POLICIES,
  PagerError,
  type PagerHandle,
  type PagerOptions,
  type PagerPolicy,
  PagerProcess,
  type PagerSummary,
  sharedPathFor,
  spawnPager,
} from '@rekindle/pager';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FileError } from '../file-error.ts';
import { printJson, printTable } from '../output.ts';

interface ServeFlags {
  readonly socket: readonly string[];
  readonly memory: readonly string[];
  readonly measureWaste?: true;
  readonly share?: true;
  readonly diff?: readonly string[];
  readonly cache?: string;
  readonly record?: readonly string[];
  readonly log?: readonly string[];
  readonly workingSet?: readonly string[];
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

function printSummary(summary: PagerSummary, socket: string | undefined): void {
  if (socket !== undefined) process.stdout.write(`${socket}:\n`);
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

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve the page faults of one VM, or of several, from handshake to end')
    .requiredOption('--socket <path...>', 'Unix socket for the VMM to connect to, one for each VM')
    .requiredOption('--memory <file...>', 'memory file, compact memory, or the address of one')
    .option('--diff <file...>', 'diff snapshots over the memory file, oldest first')
    .option('--share', 'share pages with the other clones of this memory (preload library only)')
    .option('--cache <file>', 'keep pieces of a remote memory here')
    .option('--record <file...>', 'record every fault into a flight recording')
    .option('--log <file...>', 'write fireCRaCer’s text log')
    .option('--working-set <file...>', 'pages to install ahead of demand')
    .addOption(new Option('--policy <policy>', 'what to install when').choices(PAGER_POLICIES))
    .option('--handshake-timeout <ms>', 'how long to wait for a VMM', milliseconds, 10_000)
    .option('--manifest <file>', 'manifest.json of the snapshot: guest-physical layout and hash')
    .option('--measure-waste', 'count prefetched pages that nobody touches (emulated guests)')
    .option('--json', 'the summary as JSON on stdout')
    .addHelpText(
      'after',
      [
        '',
        'Several VMs share one process and what it costs: name a socket for each, a recording and a log for',
        'each where they are wanted, and one memory and one working set for all or for each.',
        'SIGINT and SIGTERM make it install the rest of the memory and leave the VMs to themselves.',
        '',
        'Examples:',
        '  rekindle pager serve --socket /tmp/uffd.sock --memory snapshot/memory --record run.jfr',
        '  rekindle pager serve --socket a.sock b.sock --memory snapshot/memory --record a.jfr b.jfr',
      ].join('\n'),
    )
    .action(async (flags: ServeFlags, command: Command) => {
      const problem = problemOf(flags);
      if (problem !== undefined) command.error(`error: ${problem}`, { exitCode: 2 });
      const pager = flags.socket.length === 1 ? undefined : new PagerProcess();
      const vms = await serveAll(optionsOf(flags), pager, flags.json === true);
      const figures = vms.map(({ socket, summary, error }) =>
        error === undefined ? { socket, ...summary } : { socket, error: error.message },
      );
      if (flags.json) printJson(pager === undefined ? vms[0]?.summary : figures);
      const failed = vms.find(({ error }) => error !== undefined);
      if (failed !== undefined) throw failed.error;
    });
}

/** What does not go together; undefined: all does. */
function problemOf({ socket, memory, workingSet, record, log, diff, manifest }: ServeFlags) {
  for (const [name, list] of [
    ['--memory', memory],
    ['--working-set', workingSet],
  ] as const) {
    if (list !== undefined && list.length !== 1 && list.length !== socket.length) {
      return `${name}: one for all sockets, or one for each (${socket.length})`;
    }
  }
  for (const [name, list] of [
    ['--record', record],
    ['--log', log],
  ] as const) {
    if (list !== undefined && list.length !== socket.length) {
      return `${name}: one for each socket (${socket.length})`;
    }
  }
  return memory.length > 1 && (diff !== undefined || manifest !== undefined)
    ? '--diff and --manifest belong to one memory: start a pager for each'
    : undefined;
}

/** The options of every VM. */
function optionsOf(flags: ServeFlags): PagerOptions[] {
  const of = (list: readonly string[] | undefined, index: number): string | undefined =>
    list === undefined ? undefined : (list[index] ?? list[0]);
  return flags.socket.map((socketPath, index) => {
    const memory = {
      memoryPath: of(flags.memory, index) as string,
      ...(flags.diff === undefined ? {} : { diffPaths: flags.diff }),
      ...(flags.manifest === undefined ? {} : fromManifest(flags.manifest)),
    };
    const [recordPath, textLogPath] = [of(flags.record, index), of(flags.log, index)];
    const workingSetPath = of(flags.workingSet, index);
    return {
      ...memory,
      socketPath,
      ...(flags.share === undefined ? {} : { sharedPath: sharedPathFor(memory) }),
      handshakeTimeoutMs: flags.handshakeTimeout,
      ...(flags.measureWaste === undefined ? {} : { measureWaste: true }),
      ...(flags.cache === undefined ? {} : { cachePath: flags.cache }),
      ...(recordPath === undefined ? {} : { recordPath }),
      ...(textLogPath === undefined ? {} : { textLogPath }),
      ...(workingSetPath === undefined ? {} : { workingSetPath }),
      ...(flags.policy === undefined ? {} : { policy: flags.policy }),
    };
  });
}

interface Served {
  readonly socket: string;
  readonly summary?: PagerSummary;
  readonly error?: Error;
}

/** Serves all to their ends. The failure of one is told when the others have ended too. */
async function serveAll(
  options: readonly PagerOptions[],
  pager: PagerProcess | undefined,
  quiet: boolean,
): Promise<Served[]> {
  const say = (text: string): void => void (quiet || process.stderr.write(`${text}\n`));
  const handles: PagerHandle[] = [];
  const stop = (): void => {
    for (const handle of handles) handle.stop();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    for (const each of options) handles.push(pager?.serve(each) ?? spawnPager(each));
    pager?.close();
    return await Promise.all(
      handles.map(async (handle, index): Promise<Served> => {
        const { socketPath, sharedPath } = options[index]!;
        try {
          await handle.ready;
          say(`listening on ${socketPath}`);
          if (sharedPath !== undefined && index === 0) {
            say(`start the VMM with REKINDLE_UFFD_SHARED=${sharedPath}`);
          }
          say(`serving process ${(await handle.connected).pid}`);
          const summary = await handle.done;
          if (!quiet) printSummary(summary, pager === undefined ? undefined : socketPath);
          return { socket: socketPath, summary };
        } catch (error) {
          if (pager !== undefined) say(`${socketPath}: ${(error as Error).message}`);
          return { socket: socketPath, error: error as Error };
        }
      }),
    );
  } catch (error) {
    // One of them cannot begin: the others have not either.
    for (const handle of handles) handle.kill();
    pager?.close();
    throw error;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
