// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { Configuration } from './configuration.ts';
import { RecorderError } from './error.ts';
import { reason } from './file-sink.ts';

/** Names of the configurations that come with the package. */
export const PREDEFINED = ['default', 'profile'] as const;

export interface NamedConfiguration {
  readonly name: string;
  readonly configuration: Configuration;
}

/** The package's own configurations. */
export function predefinedConfigurations(): NamedConfiguration[] {
  return PREDEFINED.map((name) => ({
    name,
    // beside src and dist alike
    configuration: readConfiguration(new URL(`../configurations/${name}.jfc`, import.meta.url)),
  }));
}

/** The configuration of a name (`default`, `profile`; also with `.jfc`) or of a file. */
export function findConfiguration(nameOrPath: string): Configuration {
  const name = nameOrPath.replace(/\.jfc$/, '');
  const known = predefinedConfigurations().find((item) => item.name === name);
  return known?.configuration ?? readConfiguration(nameOrPath);
}

function readConfiguration(file: string | URL): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new RecorderError('RECORDER_BAD_OPTION', `no configuration "${file}": ${reason(cause)}`, {
      cause,
      hint: `give a .jfc file, or one of ${PREDEFINED.join(', ')}`,
    });
  }
  return new Configuration(text);
}
