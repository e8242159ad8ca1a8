// SPDX-License-Identifier: Apache-2.0
import type {
  AcceleratorChoice,
  AgentChannel,
  Endpoint,
  GuestFiles,
  MachineExit,
  MachineIdentity,
} from './engine.ts';
import { monotonicNow, type VmLog, type VmPhaseName } from './log.ts';

/** What an engine knows of a VM, whatever its VMM. */
export interface VmmParts {
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly log: VmLog;
  readonly exited: Promise<MachineExit>;
  /** Ends the process; `exited` follows. */
  readonly terminate: () => void;
}

/** The side of a machine that does not depend on how its VMM is spoken to. */
export abstract class VmmMachine<Parts extends VmmParts> {
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly identity: MachineIdentity;
  readonly files: GuestFiles;
  readonly accelerator: AcceleratorChoice;
  readonly endpoints: readonly Endpoint[];
  readonly agent: AgentChannel;
  readonly consoleLog: string;
  readonly exited: Promise<MachineExit>;
  protected readonly parts: Parts;
  readonly #engine: string;

  constructor(engine: string, parts: Parts, agent: AgentChannel, consoleLog: string) {
    this.name = parts.name;
    this.directory = parts.directory;
    this.pid = parts.pid;
    this.identity = parts.identity;
    this.files = parts.files;
    this.accelerator = parts.accelerator;
    this.endpoints = parts.endpoints;
    this.agent = agent;
    this.consoleLog = consoleLog;
    this.exited = parts.exited;
    this.parts = parts;
    this.#engine = engine;
  }

  async kill(): Promise<MachineExit> {
    return this.phase('kill', () => {
      this.parts.terminate();
      return this.exited;
    });
  }

  /** Does `work` and logs how long it took, done or failed. */
  protected async phase<T>(phase: VmPhaseName, work: () => Promise<T>): Promise<T> {
    const start = monotonicNow();
    try {
      return await work();
    } finally {
      const { accelerator } = this.accelerator;
      this.parts.log.phase({ name: this.name, engine: this.#engine, accelerator }, phase, start);
    }
  }
}
