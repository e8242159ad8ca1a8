// SPDX-License-Identifier: Apache-2.0
// The judge is `jfr configure` of a JDK on this machine. JDK 25 writes the same bytes; of others, both
// write and one reader reads.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Configuration } from '@rekindle/recorder';
import { afterAll, describe, expect, it } from 'vitest';
import { jdkOf, newestJdk } from '../../../jfr/src/testing/jdk.ts';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('configure');
afterAll(remove);

const JDKS = [...new Set([jdkOf(17), newestJdk(25)])].filter((jdk) => jdk !== undefined);
if (JDKS.length === 0) console.warn('no JDK found: `jfr configure` judges nothing here');

const settingsOf = (file: string): unknown =>
  new Configuration(readFileSync(join(directory, file), 'utf8')).settings;
const configure = (...args: string[]): ReturnType<typeof rekindle> =>
  rekindle(['jfr', 'configure', ...args]);

describe.runIf(JDKS.length > 0).each(JDKS)('beside JDK $version', ({ home, version }) => {
  const input = join(home, 'lib/jfr/default.jfc');
  it.each([
    [['gc=high', 'thread-dump=60s', 'locking-threshold=7ms']],
    [['jdk.JavaMonitorEnter#threshold=1ms', '+app.Hello#enabled=true', '+app.Hello#period=5s']],
    [['exceptions=all', 'method-profiling=max', 'class-loading=true', 'compiler=all']],
    [['+app.Odd#note=3ms', '+app.Odd#text=<a & "b">']],
  ])('%j gives the same settings', (assignments) => {
    const theirs = join(directory, 'theirs.jfc');
    execFileSync(join(home, 'bin/jfr'), [
      ...['configure', '--input', input, '--output', theirs],
      ...assignments,
    ]);
    const ours = join(directory, 'ours.jfc');
    const ran = configure('--force', '--input', input, '--output', ours, ...assignments);
    expect(ran.stderr).toBe('');
    expect(settingsOf('ours.jfc')).toEqual(settingsOf('theirs.jfc'));
    if (version >= 25) expect(readFileSync(ours, 'utf8')).toBe(readFileSync(theirs, 'utf8'));
    // and the JDK reads what we wrote
    const again = join(directory, 'again.jfc');
    execFileSync(join(home, 'bin/jfr'), ['configure', '--input', ours, '--output', again]);
    expect(settingsOf('again.jfc')).toEqual(settingsOf('ours.jfc'));
  });
});

/**
 * What a program says when it is given these lines, each when it has fallen silent: the JDK reads ahead
 * of its questions, and forgets what it has read.
 */
function converse(
  command: string,
  args: readonly string[],
  lines: readonly string[],
): Promise<string> {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd: directory });
    const left = [...lines];
    let said = '';
    let silence: NodeJS.Timeout | undefined;
    const next = (): void => {
      const line = left.shift();
      if (line === undefined) child.stdin.end();
      else child.stdin.write(`${line}\n`);
    };
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes;
      clearTimeout(silence);
      silence = setTimeout(next, 200);
    });
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes;
    });
    child.stdin.on('error', () => {});
    child.on('error', failed);
    child.on('close', () => {
      clearTimeout(silence);
      done(said);
    });
  });
}

const REKINDLE = fileURLToPath(new URL('../../bin/rekindle.cjs', import.meta.url));
const jdk25 = newestJdk(25);

describe.skipIf(jdk25 === undefined)('--interactive beside JDK 25', () => {
  const home = jdk25?.home ?? '';
  // JDK 25 asks for ten inputs, two of them method filters, and for the file
  it.each([
    ['the defaults', 'default', [], new Array(12).fill('')],
    [
      'other answers',
      'default',
      [],
      ['5', '3', ' ', '2', '4', '3', '4', '7ms', 'a.B::c', '@x.Y', 'y', 'answers.jfc'],
    ],
    [
      'wrong answers first',
      'profile',
      ['gc=off'],
      [
        ...['9', '0', 'x', '+2', '-1', '99999999999', '1', '', '2', '', '', '1', '', '20', 'long'],
        ...['20 form', ' 5ms', '40 m', '1.2', 'a b', 'class', '::<clinit>', '', 'maybe', 'N'],
        ...['no', 'end.txt', 'end.jfc'],
      ],
    ],
    ['the end of patience', 'default', [], ['', '2', 'q']],
    ['the end of the input', 'default', [], ['', '2']],
  ])(
    '%s',
    async (_, settings, assignments, lines) => {
      const input = join(home, `lib/jfr/${settings}.jfc`);
      const args = ['configure', '--interactive', '--input', input, ...assignments];
      const outcome = (said: string): string[] => {
        const written = /written successfully to:\n(.*)\n$/.exec(said)?.[1];
        if (written === undefined) return [said];
        const text = readFileSync(written, 'utf8');
        rmSync(written);
        return [said, text];
      };
      const theirs = outcome(await converse(join(home, 'bin/jfr'), args, lines));
      const ours = outcome(
        execFileSync(process.execPath, [REKINDLE, 'jfr', ...args], {
          cwd: directory,
          encoding: 'utf8',
          input: lines.map((line) => `${line}\n`).join(''),
        }),
      );
      expect(ours).toEqual(theirs);
      expect(ours[0]).toMatch(/asking 12 questions[\s\S]*(written successfully|Abort\.)/);
    },
    60_000,
  );
});

describe('rekindle jfr configure', () => {
  it('joins files, the later setting counting, and says what changed', () => {
    const file = (name: string, threshold: string): string => {
      const path = join(directory, name);
      writeFileSync(
        path,
        `<configuration version="2.0" label="L"><event name="a.B"><setting name="threshold">${threshold}</setting></event></configuration>`,
      );
      return path;
    };
    const inputs = `${file('one.jfc', '1 ms')},${file('two.jfc', '2 ms')}`;
    const output = join(directory, 'both.jfc');
    configure('--input', inputs, '--output', output);
    expect(settingsOf('both.jfc')).toEqual({ 'a.B#threshold': '2 ms' });
    const args = ['--verbose', '--force', '--input', inputs, '--output', output];
    const ran = configure(...args, 'a.B#threshold=3ms', '+a.C#enabled=true');
    expect(ran.stdout).toBe(
      `\nSetting:\n"a.B#threshold=3 ms"\n"a.C#enabled=true"\n` +
        `Configuration written successfully to:\n${output}\n`,
    );
  });

  it.each([
    [['nix=1'], /Option 'nix' doesn't exist.*\n.*it has: gc/],
    [['gc=maybe'], /Incorrect value 'maybe'. Valid values are 'off', 'normal'.* and '/],
    [['a.B#c=1'], /Could not find event 'a.B'.*\n.*write a \+/],
    [['words'], /words: is no setting/],
    [['--input', 'nowhere.jfc'], /no configuration "nowhere.jfc"/],
  ])('%j fails with what to do', (args, message) => {
    const output = join(directory, 'never.jfc');
    const ran = configure('--output', output, ...args);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(message);
    expect(existsSync(output)).toBe(false);
  });

  it('replaces nothing unless told to', () => {
    const output = join(directory, 'there.jfc');
    writeFileSync(output, 'mine');
    expect(configure('--output', output).stderr).toMatch(/exists already.*\n.*--force/);
    expect(readFileSync(output, 'utf8')).toBe('mine');
  });
});
