// SPDX-License-Identifier: Apache-2.0
// Records a Node.js program: from its start, or while it runs.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename, resolve } from 'node:path';
import {
  OutsideRecorder,
  parseStartOptions,
  type RecordingInfo,
  startEnvironment,
} from '@rekindle/recorder';
import { Command, InvalidArgumentError } from 'commander';
import { formatBytes, printJson, printTable } from '../output.ts';

/** Options named as the keys of `-XX:StartFlightRecording`. */
const KEYS = [
  ['filename <file>', 'where it goes; %p is the process id, %t the time'],
  ['settings <name>', 'default, profile, none, or a .jfc file'],
  ['duration <time>', 'stop after 30s, 10m, 1h'],
  ['delay <time>', 'wait before recording'],
  ['name <name>', 'shown in lists'],
  ['maxage <time>', 'keep no older data'],
  ['maxsize <size>', 'keep no more data: 250m, 1g'],
  ['disk <boolean>', 'write while recording, or keep the newest in memory'],
  ['dumponexit <boolean>', 'write a file when the program ends'],
  ['flush-interval <time>', 'how often followers see new data'],
] as const;

// `record` has these options too and takes them first: subcommands ask for both.
interface FileFlags {
  readonly filename?: string;
  readonly name?: string;
}

type Flags = Readonly<Record<string, string | string[] | boolean | undefined>>;

export function recordCommand(): Command {
  const command = new Command('record')
    .description('Record a Node.js program with Flight Recorder events')
    .argument('[command...]', 'the program and its arguments, after --')
    .addHelpText(
      'after',
      '\nExamples:\n  rekindle record --filename out.jfr --settings profile -- node app.js\n  rekindle record start 4711 --filename out.jfr --duration 30s',
    )
    .enablePositionalOptions()
    .action(recordProgram);
  withKeys(command);
  const start = new Command('start')
    .description('Start a recording in a running Node.js process')
    .argument('<pid>', 'process id', processId)
    .option('--json', 'as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle record start 4711 --settings profile')
    .action(startIn);
  return command
    .addCommand(withKeys(start))
    .addCommand(
      new Command('check')
        .description('The recordings of a process, and the directory of their chunks')
        .argument('<pid>', 'process id', processId)
        .option('--verbose', 'with settings, and with what this Node.js cannot record')
        .option('--json', 'as JSON on stdout')
        .addHelpText('after', '\nExample:\n  rekindle record check 4711 --verbose')
        .action(check),
    )
    .addCommand(
      new Command('dump')
        .description('Write what was recorded so far to a file; recording goes on')
        .argument('<pid>', 'process id', processId)
        .option('--filename <file>', 'where it goes (required)')
        .option('--name <name>', 'name or number of the recording; needed where there are several')
        .addHelpText('after', '\nExample:\n  rekindle record dump 4711 --filename now.jfr')
        .action(dump),
    )
    .addCommand(
      new Command('stop')
        .description('Stop a recording; without a file its data are given up')
        .argument('<pid>', 'process id', processId)
        .option('--filename <file>', 'where it goes')
        .option('--name <name>', 'name or number of the recording; needed where there are several')
        .addHelpText('after', '\nExample:\n  rekindle record stop 4711 --filename out.jfr')
        .action(stop),
    );
}

function withKeys(command: Command): Command {
  for (const [flag, about] of KEYS) command.option(`--${flag}`, about);
  return command.option(
    '--set <key=value>',
    'an option or setting of the configuration: gc=off, jdk.CPULoad#period=100ms (repeatable)',
    (value: string, before: string[] = []) => [...before, value],
  );
}

/** The text that `-XX:StartFlightRecording` would take. */
function startText(flags: Flags): string {
  const parts: string[] = [];
  for (const [flag] of KEYS) {
    const key = flag.split(' ')[0]!;
    const value = flags[key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof value !== 'string') continue;
    if (value.includes(',')) {
      throw Object.assign(new Error(`--${key} cannot hold a comma`), { hint: 'rename the file' });
    }
    parts.push(`${key}=${key === 'filename' ? resolve(value) : value}`);
  }
  if (Array.isArray(flags.set)) parts.push(...flags.set);
  return parts.join(',');
}

async function recordProgram(
  words: readonly string[],
  flags: Flags,
  command: Command,
): Promise<void> {
  const [program, ...args] = words;
  if (program === undefined) command.help({ error: true });
  const text = startText(flags);
  // wrong options are told before the program starts
  parseStartOptions(text);
  const { environment, nodeArguments } = startEnvironment(text || 'settings=default');
  const isNode = /^node(js)?(\.exe)?$/.test(basename(program!));
  const options = [process.env.NODE_OPTIONS, ...nodeArguments].filter(Boolean).join(' ');
  const child = spawn(program!, isNode ? [...nodeArguments, ...args] : args, {
    stdio: 'inherit',
    env: { ...process.env, ...environment, ...(isNode ? {} : { NODE_OPTIONS: options }) },
  });
  // the terminal sends Ctrl-C to both: the program decides
  const wait = (): void => {};
  process.on('SIGINT', wait);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((settle, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      settle(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}

async function startIn(pid: number, _: Flags, command: Command): Promise<void> {
  const flags: Flags = command.optsWithGlobals();
  const recorder = await OutsideRecorder.open(pid, { inject: true });
  const info = await recorder.start(parseStartOptions(startText(flags)));
  if (flags.json) return printJson(info);
  process.stdout.write(`recording ${info.id} of process ${pid} is ${info.state}\n`);
}

async function check(pid: number, flags: Flags): Promise<void> {
  const recorder = await OutsideRecorder.open(pid);
  const recordings = await recorder.check();
  const sources = flags.verbose ? await recorder.sources() : [];
  const repository = await recorder.repository();
  if (flags.json) {
    return printJson({ repository, recordings, ...(flags.verbose ? { sources } : {}) });
  }
  if (recordings.length === 0) process.stdout.write(`no recording in process ${pid}\n`);
  else {
    printTable(
      ['recording', 'name', 'state', 'size', 'duration', 'max age', 'max size', 'destination'],
      recordings.map((info) => [
        String(info.id),
        info.name,
        info.state,
        formatBytes(info.size),
        seconds(info.duration),
        seconds(info.maxAge),
        info.maxSize === undefined ? '' : formatBytes(info.maxSize),
        info.destination ?? '',
      ]),
      [0, 3],
    );
    process.stdout.write(`chunks are in ${repository}\n`);
  }
  if (!flags.verbose) return;
  for (const info of recordings) {
    process.stdout.write(`\nsettings of recording ${info.id}:\n`);
    for (const [key, value] of Object.entries(info.settings).sort()) {
      process.stdout.write(`  ${key}=${value}\n`);
    }
  }
  process.stdout.write('\n');
  printTable(
    ['source', 'cost', 'events'],
    sources.map(({ name, cost, events, unavailable }) => [
      name,
      unavailable === undefined ? cost : `not here: ${unavailable}`,
      events.join(' '),
    ]),
  );
}

async function dump(pid: number, _: Flags, command: Command): Promise<void> {
  const flags: FileFlags = command.optsWithGlobals();
  if (flags.filename === undefined) {
    throw Object.assign(new Error('where to?'), { hint: 'give --filename' });
  }
  const recorder = await OutsideRecorder.open(pid);
  const { id } = choose(await recorder.check(), flags.name);
  await recorder.dump(id, resolve(flags.filename));
  process.stdout.write(`recording ${id} is in ${resolve(flags.filename)}, and goes on\n`);
}

async function stop(pid: number, _: Flags, command: Command): Promise<void> {
  const flags: FileFlags = command.optsWithGlobals();
  const recorder = await OutsideRecorder.open(pid);
  const { id, destination } = choose(await recorder.check(), flags.name);
  const file = flags.filename === undefined ? undefined : resolve(flags.filename);
  await recorder.stop(id, file);
  const where = file ?? destination;
  process.stdout.write(
    where === undefined ? `recording ${id} is given up\n` : `recording ${id} is in ${where}\n`,
  );
}

function choose(recordings: readonly RecordingInfo[], name: string | undefined): RecordingInfo {
  const found =
    name === undefined
      ? recordings
      : recordings.filter((info) => info.name === name || String(info.id) === name);
  if (found.length === 1) return found[0]!;
  const known = recordings.map((info) => `${info.id} (${info.name})`).join(', ');
  throw Object.assign(
    new Error(name === undefined ? 'which recording?' : `no single recording "${name}"`),
    { hint: known === '' ? 'there is none' : `give --name; there is ${known}` },
  );
}

function seconds(millis: number | undefined): string {
  return millis === undefined ? '' : `${millis / 1000} s`;
}

function processId(text: string): number {
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid <= 0) throw new InvalidArgumentError('a process id, please');
  return pid;
}
