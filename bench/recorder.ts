// SPDX-License-Identifier: Apache-2.0
// Bench: cost of a committed and of a disabled event, throughput, and what recording costs a server
//
// The peers of a commit are the JDK's own, of the same event in the same run, and what a Node.js user would
// pick instead. A server is loaded in turns with and without a recording. Runs in a RAM-backed directory, so
// that no disk is measured. `--only events|throughput|small|service|sources` runs a part,
// `--without-peers` leaves more time for ours, `--promised` for what there is a promise about.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openRecording } from '../packages/jfr/dist/index.js';
import { describeSources, findConfiguration } from '../packages/recorder/dist/index.js';
import { type Load, loadServers, ratios, type Variant } from './recorder-servers.ts';
import {
  type Comparison,
  machine,
  printComparisons,
  printTable,
  type Spread,
  show,
  spread,
} from './statistics.ts';

const WORK = fileURLToPath(new URL('./recorder-work.mjs', import.meta.url));
const REGISTER = new URL('../packages/recorder/dist/register.js', import.meta.url).href;
const PARTS = ['events', 'throughput', 'small', 'service', 'sources'] as const;
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    turns: { type: 'string', default: '3' },
    only: { type: 'string' },
    'without-peers': { type: 'boolean', default: false },
    promised: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const turns = Number(values.turns);
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const directory = mkdtempSync(join(memory, 'bench-recorder-'));
const file = join(directory, 'bench.jfr');
/** Batches of a process that its compilers have for themselves. */
const COLD = 10;

function work(args: readonly (string | number)[], nodeArgs: readonly string[] = []): number[] {
  const said = execFileSync(process.execPath, [...nodeArgs, WORK, ...args.map(String)], {
    encoding: 'utf8',
    cwd: directory,
    env: { ...process.env, REPOSITORY: directory },
  });
  return said.trim().split('\n').map(Number);
}

function findJava(): string | undefined {
  const base = '/usr/lib/jvm';
  const homes = existsSync(base) ? readdirSync(base).map((name) => join(base, name)) : [];
  const found = homes.find((home) => {
    const release = join(home, 'release');
    return existsSync(release) && /JAVA_VERSION="25/.test(readFileSync(release, 'utf8'));
  });
  return found === undefined ? undefined : join(found, 'bin/java');
}

function events(): void {
  const java = findJava();
  const program = fileURLToPath(new URL('./java/CommitEvents.java', import.meta.url));
  const [batches, count] = [30, 100_000];
  const [given, timed, theirs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < Math.max(2, rounds / 2); round++) {
    given.push(...work(['commit', file, batches, count]).slice(COLD));
    timed.push(...work(['timed', file, batches, count]).slice(COLD));
    if (java === undefined) continue;
    const said = execFileSync(java, [program, file, String(batches), String(count)], {
      encoding: 'utf8',
    });
    theirs.push(...said.trim().split('\n').map(Number).slice(COLD));
  }
  const disabled = spread(work(['disabled', file, 12, 10_000_000]).slice(4));
  printTable(
    ['what', 'measured', 'promise', ''],
    [
      row('commit, 5 fields, ticks given', spread(given), 120),
      row('commit, 5 fields, with both clock readings', spread(timed)),
      row('commit of a disabled event', disabled, 3),
    ],
  );
  console.log();
  const comparison = (
    what: string,
    ours: number[],
    peerName: string,
    peer: number[],
  ): Comparison => ({
    what,
    ours: spread(ours),
    peer: spread(peer),
    peerName,
    unit: 'ns',
  });
  const comparisons: Comparison[] = [];
  if (java === undefined) {
    console.log('no JDK 25 here: not compared with its commit\n');
  } else {
    const peer = 'JDK 25 begin+commit';
    comparisons.push(
      { ...comparison('commit', given, peer, theirs), atMost: 2 },
      { ...comparison('commit with clock', timed, peer, theirs), atMost: 2 },
    );
  }
  const others: readonly [name: string, mode: string, args: readonly string[]][] = [
    ['pino line', 'pino', []],
    ['OpenTelemetry span', 'opentelemetry', []],
    ['trace event', 'trace', ['--trace-event-categories=node.perf.usertiming']],
  ];
  for (const [name, mode, args] of others) {
    const peer = work(['peer', mode, 12, 50_000], args).slice(4);
    comparisons.push(comparison('commit with clock', timed, name, peer));
  }
  printComparisons(comparisons);
}

function row(what: string, value: Spread, atMost?: number): string[] {
  const promise = atMost === undefined ? '-' : `<= ${atMost} ns`;
  const verdict = atMost === undefined ? '' : value.median <= atMost ? 'holds' : 'MISSED';
  return [what, show(value, 'ns'), promise, verdict];
}

async function throughput(): Promise<void> {
  const [committed, complete]: [number[], number[]] = [[], []];
  let lost = 0;
  let kept = 0;
  const count = 5_000_000;
  for (let round = 0; round < 5; round++) {
    const [first, second] = work(['throughput', file, 2, count]);
    committed.push(first! / 1e6);
    complete.push(second! / 1e6);
    const recording = await openRecording(readFileSync(file));
    for await (const chunk of recording.chunks()) {
      kept += chunk.count('bench.Five');
      lost += chunk.count('jdk.DataLoss');
    }
    rmSync(file);
  }
  const rate = spread(committed);
  const verdict = rate.median >= 10 && lost === 0 && kept === 10 * count ? 'holds' : 'MISSED';
  printTable(
    ['2 workers, default sizes', 'until committed', 'until on file', 'promise', ''],
    [
      [
        `${kept} of ${10 * count} events kept, ${lost} DataLoss`,
        show(rate, 'M/s'),
        show(spread(complete), 'M/s'),
        '>= 10 M/s',
        verdict,
      ],
    ],
  );
}

function recorded(name: string, options: string): Variant {
  const where = `filename=${join(directory, `${name.replaceAll(/\W/g, '-')}-%p.jfr`)}`;
  return {
    name,
    args: ['--import', REGISTER],
    environment: {
      TMPDIR: directory,
      REKINDLE_START_FLIGHT_RECORDING: `${where},${options}`,
    },
  };
}

async function servers(kind: 'small' | 'service', what: string): Promise<void> {
  const promised = [
    { name: 'plain' },
    // how far two that are the same are apart
    { name: 'plain, again' },
    recorded('default settings', 'settings=default'),
  ];
  const ours = [
    ...promised,
    recorded('recorder, nothing recorded', 'settings=none'),
    recorded('profile settings', 'settings=profile'),
  ];
  const peers: readonly Variant[] = [
    { name: '--cpu-prof', args: ['--cpu-prof', `--cpu-prof-dir=${directory}`] },
    {
      name: 'trace events (node, v8)',
      args: [
        '--trace-event-categories=node,v8',
        `--trace-event-file-pattern=${directory}/trace-\${pid}.log`,
      ],
    },
    { name: 'OpenTelemetry span a request', peer: 'opentelemetry' },
    { name: 'pino line a request', peer: 'pino', environment: { REPOSITORY: directory } },
  ];
  const without = values['without-peers'] ? ours : [...ours, ...peers];
  const variants = values.promised ? promised : without;
  const found = await loadServers(kind, variants, { rounds, turns });
  printLoads(what, found, 'default settings');
}

/** Each source of the recorder alone, with its default settings, beside a recording of nothing. */
async function sources(): Promise<void> {
  const settings = findConfiguration('default').settings;
  const variants = describeSources().flatMap(({ name, events: names, unavailable }) => {
    if (unavailable !== undefined) return [];
    const own = Object.entries(settings)
      .filter(([key]) => names.includes(key.slice(0, key.indexOf('#'))))
      .map(([key, value]) => `+${key}=${key.endsWith('#enabled') ? 'true' : value}`);
    return [recorded(name, ['settings=none', ...own].join(','))];
  });
  const nothing = recorded('nothing', 'settings=none');
  const found = await loadServers('small', [nothing, ...variants], { rounds, turns });
  printLoads('small server, one source alone', found);
}

function printLoads(what: string, found: Map<string, Load[]>, promised?: string): void {
  const [base] = found.values();
  const rows = [...found].map(([name, loads]) => {
    const of = (key: keyof Load, unit: string): string =>
      show(spread(loads.map((load) => load[key])), unit);
    const to = (key: keyof Load): Spread => spread(ratios(loads, base!, key));
    const [speed, tail, cpu] = [to('perSecond'), to('p99'), to('cpu')];
    return [
      name,
      of('perSecond', '/s'),
      of('p99', 'µs'),
      of('cpu', 'µs'),
      ...[speed, tail, cpu].map(showRatio),
      name === promised ? '>= 0.98, <= 1.05' : '-',
      name === promised ? (speed.median >= 0.98 && tail.median <= 1.05 ? 'holds' : 'MISSED') : '',
    ];
  });
  printTable(
    [what, 'requests', 'p99', 'CPU', 'requests ratio', 'p99 ratio', 'CPU ratio', 'promise', ''],
    rows,
  );
}

function showRatio({ median, low, high }: Spread): string {
  return `${median.toFixed(3)} [${low.toFixed(3)}-${high.toFixed(3)}]`;
}

const run: Record<(typeof PARTS)[number], () => void | Promise<void>> = {
  events,
  throughput,
  small: () => servers('small', 'server that does next to nothing'),
  service: () => servers('service', 'server that does some work'),
  sources,
};

try {
  console.log(machine());
  for (const part of PARTS) {
    if (values.only !== undefined && values.only !== part) continue;
    console.log();
    await run[part]();
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
