// SPDX-License-Identifier: Apache-2.0
// What a recording says about its process and machine in every chunk.
import { arch, availableParallelism, cpus, release, type, version } from 'node:os';

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
}

/** Facts of the calling process; made once, in the thread that starts the recorder. */
export function processFacts(): ProcessFacts {
  const processors = cpus();
  const model = processors[0]?.model ?? arch();
  return {
    pid: process.pid,
    jvmName: 'Node.js',
    jvmVersion: `Node.js ${process.version} (V8 ${process.versions.v8}), ${process.platform}-${arch()}`,
    jvmArguments: process.execArgv.join(' '),
    javaArguments: process.argv.slice(1).join(' '),
    startTime: Math.round(performance.timeOrigin),
    osVersion: `${type()} ${release()} ${version()}`,
    cpu: model,
    cpuDescription: `${model}, ${processors.length} hardware threads, ${arch()}`,
    hardwareThreads: Math.max(processors.length, availableParallelism()),
  };
}
