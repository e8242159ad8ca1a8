// SPDX-License-Identifier: Apache-2.0
// Every command of `rekindle` with its one-line description. A command's module is imported only when
// it is asked for, so that `rekindle jfr summary` never loads the engine or the viewer.
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  readonly about: string;
  /** `args` are those behind the command's name. */
  load(args: readonly string[]): Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    about: 'the whole journey, on a small Java service',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'doctor',
    about: 'what this host can do, and how to mend what it cannot',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'run',
    about: 'boot a VM',
    load: async () => (await import('./commands/run.ts')).runCommand(),
  },
  {
    name: 'ps',
    about: 'VMs that run',
    load: async () => (await import('./commands/ps.ts')).psCommand(),
  },
  {
    name: 'logs',
    about: 'console and VMM log of a VM',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  {
    name: 'kill',
    about: 'end a VM',
    load: async () => (await import('./commands/kill.ts')).killCommand(),
  },
  {
    name: 'balloon',
    about: 'take memory from a running VM, or give it back',
    load: async () => (await import('./commands/balloon.ts')).balloonCommand(),
  },
  {
    name: 'snapshot',
    about: 'save a running VM into a directory',
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommand(),
  },
  {
    name: 'restore',
    about: 'bring a snapshot back',
    load: async () => (await import('./commands/restore.ts')).restoreCommand(),
  },
  {
    name: 'pager',
    about: 'serve the page faults of any VMM that performs the handshake',
    load: async () => (await import('./commands/pager.ts')).pagerCommand(),
  },
  {
    name: 'workingset',
    about: 'pages to install ahead: build, inspect, compare',
    load: async () => (await import('./commands/workingset.ts')).workingsetCommand(),
  },
  {
    name: 'image',
    about: 'build and list root images',
    load: async () => (await import('./commands/image.ts')).imageCommand(),
  },
  {
    name: 'kernel',
    about: 'fetch and list guest kernels',
    load: async () => (await import('./commands/kernel.ts')).kernelCommand(),
  },
  {
    name: 'memory',
    about: 'whose page is it: capture a guest, or read its memory file',
    load: async () => (await import('./commands/memory.ts')).memoryCommand(),
  },
  {
    name: 'report',
    about: 'what restores cost, and whose pages they brought back',
    load: async () => (await import('./commands/report.ts')).reportCommand(),
  },
  {
    name: 'view',
    about: 'memory and time of restores in the browser',
    load: async () => (await import('./commands/view.ts')).viewCommand(),
  },
  {
    name: 'jfr',
    about: 'look into flight recordings, convert and mend them',
    load: async (args) => (await import('./commands/jfr.ts')).jfrCommand(args),
  },
  {
    name: 'record',
    about: 'record a Node.js program, from its start or while it runs',
    load: async () => (await import('./commands/record.ts')).recordCommand(),
  },
];
