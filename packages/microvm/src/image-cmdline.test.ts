// SPDX-License-Identifier: Apache-2.0
// The guest's reading of its kernel command line (guest/init/cmdline.c), compiled for this host and
// asked about made-up command lines.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestDirectory } from './image-programs.ts';

const directory = mkdtempSync(join(tmpdir(), 'rekindle-cmdline-test-'));
const program = join(directory, 'ask');
const commandLine = join(directory, 'cmdline');

/** Prints `=value` or `none` for each key, `yes` or `no` for each word after a dash. */
const source = `
#include "cmdline.h"
#include <stdio.h>
int main(int argc, char **argv) {
  if (cmdline_read() < 0) return 1;
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] == '-') { puts(cmdline_has(argv[i] + 1) ? "yes" : "no"); continue; }
    const char *value = cmdline_value(argv[i]);
    printf(value ? "=%s\\n" : "none\\n", value);
  }
}`;

beforeAll(() => {
  writeFileSync(join(directory, 'ask.c'), source);
  const init = join(guestDirectory, 'init');
  const files = [join(directory, 'ask.c'), join(init, 'cmdline.c')];
  const settings = [`-DCMDLINE_PATH="${commandLine}"`, '-I', init, '-fsanitize=address,undefined'];
  execFileSync('cc', ['-Wall', '-Wextra', ...settings, '-o', program, ...files]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function ask(text: string, ...questions: string[]): string[] {
  writeFileSync(commandLine, text);
  return execFileSync(program, questions, { encoding: 'utf8' }).trimEnd().split('\n');
}

describe('the kernel command line', () => {
  it('holds words, values and quoted values', () => {
    const text =
      'console=ttyS0 rw  FC_JAVA_OPTIONS="-Xmx1g -XX:A=b" ip=172.16.0.2::172.16.0.1 x=\n';
    expect(
      ask(text, 'console', 'FC_JAVA_OPTIONS', 'ip', 'x', 'rw', 'missing', '-rw', '-x'),
    ).toEqual([
      '=ttyS0',
      '=-Xmx1g -XX:A=b',
      '=172.16.0.2::172.16.0.1',
      '=',
      'none',
      'none',
      'yes',
      'no',
    ]);
  });

  it('says the last of several values, and takes a dash for an underscore in a key', () => {
    expect(ask('a=1 a=2', 'a')).toEqual(['=2']);
    expect(ask('overlay-size=64m', 'overlay_size')).toEqual(['=64m']);
    expect(ask('overlay_size_max=1 xoverlay_size=2', 'overlay_size')).toEqual(['none']);
  });

  it('may be empty, long, or have a quote too few', () => {
    expect(ask('', 'a', '-a')).toEqual(['none', 'no']);
    expect(ask('a="b c', 'a')).toEqual(['=b c']);
    expect(ask(`${'word '.repeat(300)}end=1`, 'end')).toEqual(['none']); // 256 words are kept
    expect(ask(`${'x'.repeat(9000)} a=1`, 'a')).toEqual(['none']); // and 8191 bytes
  });

  it('gives back what was put in', () => {
    const key = fc.stringMatching(/^[a-z][a-z0-9._]{0,12}$/);
    const value = fc.stringMatching(/^[!#-~]{0,20}( [!#-~]{1,10}){0,2}$/);
    const pairs = fc.uniqueArray(fc.tuple(key, value), {
      selector: ([name]) => name,
      maxLength: 20,
    });
    fc.assert(
      fc.property(pairs, fc.constantFrom(' ', '  ', '\t', '\n'), (list, gap) => {
        const text = list.map(([name, text]) =>
          text.includes(' ') ? `${name}="${text}"` : `${name}=${text}`,
        );
        expect(ask(text.join(gap), ...list.map(([name]) => name), 'none.such')).toEqual([
          ...list.map(([, text]) => `=${text}`),
          'none',
        ]);
      }),
      { numRuns: 60 },
    );
  });
});
