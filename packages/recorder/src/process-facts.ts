// SPDX-License-Identifier: Apache-2.0
// What a recording says about its process and machine in every chunk.

import { arch, availableParallelism, cpus, release, type, version } from 'node:os';
import { maskArguments, maskValue } from './secrets.ts';

export interface ProcessFacts {
  readonly pid: number;
  readonly jvmName: string;
  readonly jvmVersion: string;
  readonly jvmArguments: string;
  readonly javaArguments: string;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly osVersion: string;
  readonly cpu: string;
  readonly cpuDescription: string;
  readonly hardwareThreads: number;
  /** Versions and configuration, under the names Java has for such things where it has. */
  readonly properties: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** Facts of the calling process; made once, in the thread that starts the recorder. */
export function processFacts(maskSecrets: boolean): ProcessFacts {
  const args = (list: readonly string[]): string =>
    (maskSecrets ? maskArguments(list) : list).join(' ');
  const environment = Object.entries(process.env).map(([name, value = '']) => [
    name,
    maskSecrets ? maskValue(name, value) : value,
  ]);
  const processors = cpus();
  const model = processors[0]?.model ?? arch();
  return {
    pid: process.pid,
    jvmName: 'Node.js',
    jvmVersion: `Node.js ${process.version} (V8 ${process.versions.v8}), ${process.platform}-${arch()}`,
    jvmArguments: args(process.execArgv),
    javaArguments: args(process.argv.slice(1)),
    startTime: Math.round(performance.timeOrigin),
    osVersion: `${type()} ${release()} ${version()}`,
    cpu: model,
    cpuDescription: `${model}, ${processors.length} hardware threads, ${arch()}`,
    hardwareThreads: Math.max(processors.length, availableParallelism()),
    properties: properties(),
    environment: Object.fromEntries(environment),
  };
}

function properties(): Record<string, string> {
  const versions = Object.entries(process.versions).map(([name, version]) => [
    `node.versions.${name}`,
    version ?? '',
  ]);
  return {
    'java.vm.name': 'Node.js',
    'java.vm.version': process.version,
    'os.name': type(),
    'os.version': release(),
    'os.arch': arch(),
    'user.dir': process.cwd(),
    'node.execPath': process.execPath,
    'node.release': process.release.name,
    ...Object.fromEntries(versions),
  };
}
