// SPDX-License-Identifier: Apache-2.0
// The judge is `jfr configure` of a JDK on this machine: both write, one reader reads.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Configuration } from '@rekindle/recorder';
import { afterAll, describe, expect, it } from 'vitest';
import { rekindle, scratch } from '../testing/rekindle.ts';

const { path: directory, remove } = scratch('configure');
afterAll(remove);

const JDKS = [
  process.env.JAVA_HOME,
  '/usr/lib/jvm/temurin-25-jdk-amd64',
  '/usr/lib/jvm/java-17-openjdk-amd64',
].filter((home) => home !== undefined && existsSync(join(home, 'bin/jfr'))) as string[];
if (JDKS.length === 0) console.warn('no JDK found: `jfr configure` judges nothing here');

const settingsOf = (file: string): unknown =>
  new Configuration(readFileSync(join(directory, file), 'utf8')).settings;
const configure = (...args: string[]): ReturnType<typeof rekindle> =>
  rekindle(['jfr', 'configure', ...args]);

describe.runIf(JDKS.length > 0).each(JDKS)('beside %s', (home) => {
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
    // and the JDK reads what we wrote
    const again = join(directory, 'again.jfc');
    execFileSync(join(home, 'bin/jfr'), ['configure', '--input', ours, '--output', again]);
    expect(settingsOf('again.jfc')).toEqual(settingsOf('ours.jfc'));
  });
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
    expect(ran.stdout).toBe(`Setting:\n"a.B#threshold=3 ms"\n"a.C#enabled=true"\n${output}\n`);
    expect(settingsOf('both.jfc')).toEqual({ 'a.B#threshold': '3 ms', 'a.C#enabled': 'true' });
  });

  it.each([
    [['nix=1'], /no option "nix".*\n.*it has: gc/],
    [['gc=maybe'], /gc cannot be "maybe".*\n.*off, normal/],
    [['a.B#c=1'], /no setting "a.B#c".*\n.*\+a.B#c/],
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
