// SPDX-License-Identifier: Apache-2.0
// One recording, read by JDK 25's `jfr` and by us: the same text, JSON, XML, summary and metadata; and
// the same values by our interpreter and our compiled decoders.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRecording, toObject } from '@rekindle/jfr';
import { ROOT, run } from './run.mjs';

const REKINDLE = join(ROOT, 'packages/cli/bin/rekindle.cjs');
/** The JDK's tool breaks off. */
const INTERNAL = /unexpected internal error|^Exception in thread/m;
const QUESTIONS = [
  ['summary'],
  ['metadata'],
  ['print', '--stack-depth', '64'],
  ['print', '--exact'],
  ['print', '--json', '--stack-depth', '64'],
  ['print', '--xml'],
];

/** Output may be larger than a string can be: it goes through files. */
function said(command, args, path) {
  const out = openSync(path, 'w');
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', out, 'pipe'],
    maxBuffer: 1 << 28,
    timeout: 300_000,
  });
  closeSync(out);
  return { failed: status !== 0, stdout: readFileSync(path), stderr: `${stderr}${error ?? ''}` };
}

/**
 * How many answers are the same, what differs, and where the JDK itself gives up on a recording that
 * we read (an internal error of its own; what it refuses by intention, we must refuse).
 */
export async function compare(file, jdk) {
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-producers-'));
  const verdict = { same: 0, differences: [], refused: [] };
  try {
    const ask = (question) => {
      const theirs = said(join(jdk, 'bin/jfr'), [...question, file], join(folder, 'theirs'));
      const ours = said('node', [REKINDLE, 'jfr', ...question, file], join(folder, 'ours'));
      const what = difference(theirs, ours);
      const line = `jfr ${question.join(' ')}: ${what}`;
      const refused = what !== undefined && INTERNAL.test(theirs.stderr) && !ours.failed;
      if (what === undefined) verdict.same++;
      else if (refused) verdict.refused.push(line);
      else verdict.differences.push(line);
      return refused;
    };
    for (const question of QUESTIONS) {
      // one event that breaks the JDK's printer must not hide the others
      if (ask(question) && question[0] === 'print') {
        for (const filter of filtersOf(file)) ask([...question, '--events', filter]);
      }
    }
    const decoded = await decodedDifferently(file);
    if (decoded === undefined) verdict.same++;
    else verdict.differences.push(decoded);
    return verdict;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The JDK's events, and every other type by itself. */
function filtersOf(file) {
  const summary = run('node', [REKINDLE, 'jfr', 'summary', '--json', file]);
  const names = JSON.parse(summary)
    .events.filter(({ count }) => count > 0)
    .map(({ name }) => name);
  return ['jdk.*', ...names.filter((name) => !name.startsWith('jdk.'))];
}

/** What differs; undefined where nothing does, or both refuse. */
function difference(theirs, ours) {
  if (theirs.failed && ours.failed && theirs.stdout.length === 0) return undefined;
  if (Buffer.compare(theirs.stdout, ours.stdout) === 0) {
    if (theirs.failed === ours.failed) return undefined;
    return `same output, but ${ours.failed ? 'ours' : 'theirs'} fails: ${ours.stderr}${theirs.stderr}`;
  }
  const length = Math.min(theirs.stdout.length, ours.stdout.length);
  let at = 0;
  while (at < length && theirs.stdout[at] === ours.stdout[at]) at++;
  const why = [`byte ${at}: JDK ${near(theirs.stdout, at)}, ours ${near(ours.stdout, at)}`];
  if (theirs.stderr) why.push(`JDK says ${firstLine(theirs.stderr)}`);
  if (ours.stderr) why.push(`ours says ${firstLine(ours.stderr)}`);
  return why.join('; ');
}

const firstLine = (text) => text.trim().split('\n')[0].slice(0, 200);

/** The line around a byte. */
function near(output, at) {
  const start = output.lastIndexOf(10, Math.max(0, at - 1)) + 1;
  const end = output.indexOf(10, at);
  return JSON.stringify(
    output.toString('utf8', start, Math.min(end < 0 ? at + 120 : end, start + 300)),
  );
}

/** Compiled decoders against the interpreter that judges them: every column of every type. */
async function decodedDifferently(file) {
  const bytes = readFileSync(file);
  const [compiled, interpreted] = await Promise.all(
    ['compiled', 'interpreted'].map((decode) => openRecording(bytes, { decode, mode: 'salvage' })),
  );
  for (const { index } of compiled.places) {
    const [one, other] = [await compiled.chunk(index), await interpreted.chunk(index)];
    for (const { name } of one.eventTypes) {
      if (text(one.columns(name)) !== text(other.columns(name))) {
        return `chunk ${index}, ${name}: compiled and interpreted columns differ`;
      }
    }
  }
  return undefined;
}

/** What a column holds, constants two deep: the pools of both are made of the same bytes. */
function text(columns) {
  const plain = (_key, value) => (typeof value === 'bigint' ? `${value}n` : value);
  return columns.all
    .map((column) => {
      const values = column.indices ?? column.values;
      if (values !== undefined) return `${column.name} ${Array.from(values).join()}`;
      const rows = Array.from({ length: column.length }, (_, row) => column.get(row));
      return `${column.name} ${JSON.stringify(
        rows.map((value) => toObject(value, 2)),
        plain,
      )}`;
    })
    .join('\n');
}
