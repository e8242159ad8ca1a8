// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Configuration } from './configuration.ts';
import { RecorderError } from './error.ts';
import { predefinedConfigurations } from './predefined.ts';
import { JDKS } from './testing/jdk.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'configuration-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.each(JDKS)('the configurations of JDK $version', ({ home }) => {
  const shipped = ['default', 'profile'].map((name) => join(home, 'lib/jfr', `${name}.jfc`));
  const settingsOf = (file: string): unknown =>
    new Configuration(readFileSync(file, 'utf8')).settings;

  it.each(shipped)('%s comes back from its own text', (file) => {
    const configuration = new Configuration(readFileSync(file, 'utf8'));
    const again = new Configuration(configuration.toXml());
    expect(again.settings).toEqual(configuration.settings);
    expect(again.controls).toEqual(configuration.controls);
    expect(Object.keys(configuration.settings).length).toBeGreaterThan(300);
  });

  it('change with their controls as `jfr configure` changes them', () => {
    const file = shipped[0]!;
    const { controls } = new Configuration(readFileSync(file, 'utf8'));
    for (const { name, kind, options, contentType } of controls) {
      const values =
        kind === 'flag'
          ? ['true', 'false']
          : kind === 'text'
            ? [contentType === 'timespan' ? '7 ms' : 'java.lang.String']
            : options.map((option) => option.name);
      for (const value of values) {
        const output = join(directory, 'out.jfc');
        const argument = `${name}=${value.replace(' ', '')}`;
        execFileSync(join(home, 'bin/jfr'), [
          'configure',
          '--input',
          file,
          '--output',
          output,
          argument,
        ]);
        const configuration = new Configuration(readFileSync(file, 'utf8'));
        configuration.set(name, value);
        expect(configuration.settings, argument).toEqual(settingsOf(output));
      }
    }
  }, 120_000);

  it('reads what we write', () => {
    const ours = predefinedConfigurations().map(({ configuration }) => configuration.toXml());
    for (const xml of ours) {
      const input = join(directory, 'ours.jfc');
      const output = join(directory, 'theirs.jfc');
      execFileSync('sh', ['-c', 'cat > "$0"', input], { input: xml });
      execFileSync(join(home, 'bin/jfr'), ['configure', '--input', input, '--output', output]);
      expect(settingsOf(output)).toEqual(new Configuration(xml).settings);
    }
  });
});

describe('a configuration', () => {
  const small = new Configuration(`<?xml version="1.0"?>
    <!-- a comment -->
    <configuration version="2.0" label="L &amp; M" description='d' provider="p">
      <event name="a.B"><setting name="enabled" control="on">false</setting></event>
      <category label="c"><event name="a.C"><setting name="threshold">20 ms</setting></event></category>
      <control>
        <flag name="switch" label="S">false</flag>
        <condition name="on" true="true"><not><test name="switch" value="false"/></not></condition>
      </control>
    </configuration>`);

  it('is read, changed by its control and by setting', () => {
    expect(small.label).toBe('L & M');
    expect(small.settings).toEqual({ 'a.B#enabled': 'false', 'a.C#threshold': '20 ms' });
    small.set('switch', 'true');
    expect(small.settings['a.B#enabled']).toBe('true');
    // the condition has no `false` value: it has no say then
    small.set('switch', 'false');
    expect(small.settings['a.B#enabled']).toBe('true');
    small.set('a.C#threshold', '1 ms');
    small.set('+a.D#enabled', 'true');
    expect(small.settings['a.D#enabled']).toBe('true');
    expect(() => small.set('a.E#enabled', 'true')).toThrow(/no setting/);
    expect(() => small.set('gc', 'high')).toThrow(/no option "gc"/);
    expect(() => small.set('switch', 'maybe')).toThrow(/cannot be "maybe"/);
  });

  it.each([
    ['', /no element/],
    ['<configuration', /does not end/],
    ['<configuration version="2.0"><event/></configuration>', /without name/],
    ['<configuration version="1.0"/>', /version "1.0"/],
    ['<a/>', /no configuration/],
    ['<!DOCTYPE a [<!ENTITY b "c">]><configuration version="2.0"/>', /document types/],
    ['<configuration version="2.0" label="&b;"/>', /entity &b;/],
    ['<configuration version="2.0">\n</config>', /line 2: <\/config> closes nothing/],
    ['<a>'.repeat(100), /nested too deeply/],
  ])('refuses %j', (xml, message) => {
    expect(() => new Configuration(xml)).toThrow(message);
  });

  it('never fails but with its own error', () => {
    const piece = fc.constantFrom(
      ...['<', '>', '/', '"', "'", '=', '&', ';', '<!--', '-->', '<?', '?>', 'configuration'],
      ...[' version="2.0"', '<event name="a">', '</event>', '<control>', '<test name="a"/>', 'x'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          new Configuration(pieces.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(RecorderError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
