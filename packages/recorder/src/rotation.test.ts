// SPDX-License-Identifier: Apache-2.0
// The rotation protocol, checked by spin where it is installed; see docs/rotation.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MODEL = fileURLToPath(new URL('../model/rotation.pml', import.meta.url));
const installed = ['spin', 'cc'].every((tool) => spawnSync('which', [tool]).status === 0);
if (!installed) console.warn('skipped: the model of the rotation needs spin and a C compiler');

/** What each mutant leaves out, and a sign of it in what spin says. */
const MUTANTS: readonly [string, RegExp][] = [
  ['NO_RECHECK', /taken\[w\]/],
  ['NO_GRACE', /taken\[w\]/],
  ['CONSTANTS_FIRST', /chunk_constant/],
  ['GLOBALS_FIRST', /chunk_constant/],
  ['NO_EXCLUSIVE', /until/],
];

describe.skipIf(!installed)('the model of the rotation', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rotation-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function check(...defines: readonly string[]): string {
    const cwd = mkdtempSync(join(directory, 'run-'));
    execFileSync('spin', ['-a', ...defines.map((name) => `-D${name}`), MODEL], { cwd });
    const flags = ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE'];
    execFileSync('cc', [...flags, '-o', 'pan', 'pan.c'], { cwd });
    return execFileSync('./pan', ['-m400000'], { cwd, encoding: 'utf8' });
  }

  it('holds for two writers', () => {
    expect(check('WRITERS=2', 'EVENTS=1', 'ROTATIONS=1')).toMatch(/errors: 0/);
  }, 120_000);

  it('holds for one writer over several rotations', () => {
    expect(check('WRITERS=1', 'EVENTS=4', 'ROTATIONS=3')).toMatch(/errors: 0/);
  }, 120_000);

  it.each(MUTANTS)('does not hold with %s', (mutant, sign) => {
    const said = check(mutant, 'WRITERS=1', 'EVENTS=3');
    expect(said).toMatch(/errors: 1/);
    expect(said).toMatch(sign);
  });
});
