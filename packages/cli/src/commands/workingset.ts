// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MicrovmError, openSnapshot } from '@rekindle/microvm';
import {
  checkWorkingSet,
  decodeWorkingSet,
  fitOf,
  overlapOf,
  pageSetOf,
  pagesOf,
  type Until,
  type WorkingSet,
} from '@rekindle/pager';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FileError } from '../file-error.ts';
import { formatBytes, Progress, printJson, printTable } from '../output.ts';
import {
  readTraces,
  type SnapshotMemory,
  workingSetOf,
  writeWorkingSet,
} from '../working-set-file.ts';

const UNTIL = ['end', 'first-response', 'settled'] as const;

/** A word, or a time. */
function until(text: string): Until {
  const word = UNTIL.find((known) => known === text);
  if (word !== undefined) return word;
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (number === undefined) {
    throw new InvalidArgumentError(`must be ${UNTIL.join(', ')} or a time: 500ms, 2s.`);
  }
  return { millis: Number(number) * (unit === 's' ? 1000 : 1) };
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A snapshot of ours, with its manifest. */
function snapshotAt(directory: string): SnapshotMemory {
  const snapshot = openSnapshot(directory);
  if (snapshot.kind === 'bare') {
    throw new MicrovmError('SNAPSHOT_FOREIGN', `${directory} has no manifest`, {
      place: directory,
      hint: 'working sets are tied to a manifest’s hash: make the snapshot with rekindle snapshot',
    });
  }
  return { memory: snapshot.memory, manifest: snapshot.manifest };
}

function readSet(path: string): WorkingSet {
  return decodeWorkingSet(
    FileError.wrap(path, () => readFileSync(path)),
    path,
  );
}

interface BuildFlags {
  readonly threshold?: number;
  readonly gap: number;
  readonly until: Until;
  readonly output?: string;
  readonly json?: true;
}

async function build(directory: string, runs: string[], flags: BuildFlags): Promise<void> {
  const { memory, manifest } = snapshotAt(directory);
  const progress = new Progress(flags.json);
  progress.start(`read ${runs.length} recording${runs.length === 1 ? '' : 's'}`);
  const restores = await readTraces(runs, manifest, flags.until);
  progress.done();
  const set = workingSetOf({ memory, manifest }, restores, {
    gap: flags.gap,
    ...(flags.threshold === undefined ? {} : { threshold: flags.threshold }),
  });
  const path = flags.output ?? join(directory, 'working-set');
  writeWorkingSet(path, set);
  const prefetched = restores.filter((restore) => restore.prefetched > 0);
  for (const { path: run } of prefetched) {
    process.stderr.write(
      `note: ${run} was itself prefetched; only the pages that it still faulted on count\n`,
    );
  }
  if (flags.json) return printJson({ path, ...summaryOf(set) });
  process.stdout.write(`${path}\n`);
  printSet(set);
}

function summaryOf(set: WorkingSet): Record<string, unknown> {
  const { runs, zeroRuns, ...rest } = set;
  return {
    ...rest,
    pages: pagesOf(runs),
    runs: runs.length,
    zeroPages: pagesOf(zeroRuns),
    zeroRuns: zeroRuns.length,
  };
}

function printSet(set: WorkingSet): void {
  const { statistics, runs, zeroRuns, pageSize } = set;
  const pages = pagesOf(runs);
  const row = (what: string, count: number, bytes = count * pageSize): string[] => [
    what,
    count.toLocaleString('en'),
    formatBytes(bytes),
  ];
  printTable(
    ['pages', 'count', 'size'],
    [
      row('touched by any recording', statistics.union),
      row(`by at least ${statistics.threshold} of ${statistics.recordings}`, statistics.chosen),
      row('taken along to join runs', statistics.gap),
      row(`with content, in ${runs.length} runs`, pages),
      row(
        `of these before the first answer, in ${set.hotRuns} runs`,
        pagesOf(runs.slice(0, set.hotRuns)),
      ),
      row(`zero, in ${zeroRuns.length} runs`, pagesOf(zeroRuns)),
    ],
    [1, 2],
  );
  const tie = set.snapshotHash === '' ? 'its size only' : `hash ${set.snapshotHash.slice(0, 12)}`;
  process.stdout.write(`for a memory of ${formatBytes(set.memoryBytes)}, tied by ${tie}\n`);
}

interface InspectFlags {
  readonly snapshot?: string;
  readonly until: Until;
  readonly json?: true;
}

/** A working set, or that of a snapshot directory. */
const setPath = (path: string): string =>
  existsSync(join(path, 'manifest.json')) ? join(path, 'working-set') : path;

async function inspect(path: string, runs: string[], flags: InspectFlags): Promise<void> {
  const set = readSet(setPath(path));
  const directory = flags.snapshot ?? (setPath(path) === path ? undefined : path);
  if (runs.length > 0 && directory === undefined) {
    throw new FileError(path, 'USAGE', 'recordings need the snapshot they restored', '--snapshot');
  }
  const fits = [];
  if (directory !== undefined) {
    const { manifest } = snapshotAt(directory);
    const { sha256, bytes } = manifest.files.memory;
    const { pageSize } = manifest.machine;
    checkWorkingSet(set, { bytes, pageSize, snapshotHash: sha256 }, path);
    for (const trace of await readTraces(runs, manifest, flags.until)) {
      fits.push({ run: trace.path, prefetched: trace.prefetched, ...fitOf(set, trace.pages) });
    }
  }
  if (flags.json) return printJson({ ...summaryOf(set), fits });
  printSet(set);
  if (fits.length === 0) return;
  process.stdout.write('\n');
  printTable(
    ['run', 'touched', 'in the set', 'precision', 'recall', 'wasted, by comparison', ''],
    fits.map((fit) => [
      fit.run,
      String(fit.touched),
      String(fit.both),
      percent(fit.precision),
      percent(fit.recall),
      String(fit.wasted),
      fit.prefetched > 0 ? 'prefetched run: says little' : '',
    ]),
    [1, 2, 3, 4, 5],
  );
}

async function diff(first: string, second: string, flags: { json?: true }): Promise<void> {
  const [a, b] = [readSet(setPath(first)), readSet(setPath(second))];
  const overlap = overlapOf(pageSetOf(a), pageSetOf(b));
  const sameSnapshot = a.memoryBytes === b.memoryBytes && a.snapshotHash === b.snapshotHash;
  if (flags.json) return printJson({ first, second, sameSnapshot, ...overlap });
  if (!sameSnapshot) process.stdout.write('note: the two belong to different snapshots\n');
  printTable(
    ['pages', 'count'],
    [
      ['in both', String(overlap.both)],
      [`only in ${first}`, String(overlap.onlyFirst)],
      [`only in ${second}`, String(overlap.onlySecond)],
    ],
    [1],
  );
  process.stdout.write(`Jaccard index ${overlap.jaccard.toFixed(3)}\n`);
}

const untilOption = (): Option =>
  new Option('--until <end>', `which faults of a recording count: ${UNTIL.join(', ')}, or a time`)
    .argParser(until)
    .default('end');

/** `rekindle workingset`. */
export function workingsetCommand(): Command {
  const example = (text: string): string => `\nExample:\n  rekindle workingset ${text}`;
  return new Command('workingset')
    .description('The pages a restored VM touches first: build, look into, compare')
    .addHelpText('after', example('inspect shop.snapshot'))
    .addCommand(
      new Command('build')
        .description('Make a snapshot’s working set from recordings of restores on demand')
        .argument('<snapshot>', 'snapshot directory; the set goes into it')
        .argument('<run...>', 'recordings of restores')
        .option('--threshold <k>', 'pages in at least k of the runs; default a quarter', whole)
        .option('--gap <pages>', 'join runs that are at most so many pages apart', whole, 0)
        .addOption(untilOption())
        .option('--output <file>', 'write it elsewhere')
        .option('--json', 'its statistics as JSON on stdout')
        .addHelpText('after', example('build shop.snapshot run1.jfr run2.jfr --until settled'))
        .action(build),
    )
    .addCommand(
      new Command('inspect')
        .description('What is in a working set, and how it fits further runs')
        .argument('<set>', 'a working set, or a snapshot directory that has one')
        .argument('[run...]', 'recordings to hold it against: precision, recall, waste')
        .option('--snapshot <directory>', 'the snapshot it belongs to')
        .addOption(untilOption())
        .option('--json', 'as JSON on stdout')
        .addHelpText('after', example('inspect shop.snapshot run3.jfr'))
        .action(inspect),
    )
    .addCommand(
      new Command('diff')
        .description('What two working sets share')
        .argument('<first>', 'a working set, or a snapshot directory that has one')
        .argument('<second>', 'another')
        .option('--json', 'as JSON on stdout')
        .addHelpText('after', example('diff shop.snapshot/working-set new-set'))
        .action(diff),
    );
}
