// SPDX-License-Identifier: Apache-2.0
import type { Machine } from '@rekindle/microvm';

/** What every command says of a VM, in the words of its JSON. */
export interface VmFigures {
  readonly name: string;
  readonly pid: number;
  readonly engine: string;
  readonly accelerator: string;
  readonly reason: string;
  readonly addresses: readonly string[];
  readonly console: string;
  readonly agent: string | undefined;
}

export function vmFigures(machine: Machine): VmFigures {
  return {
    name: machine.name,
    pid: machine.pid,
    engine: `${machine.identity.engine} ${machine.identity.engineVersion}`,
    accelerator: machine.accelerator.accelerator,
    reason: machine.accelerator.reason,
    addresses: machine.endpoints.map(({ host, port }) => `http://${host}:${port}/`),
    console: machine.consoleLog,
    agent: machine.agent?.socketPath,
  };
}
