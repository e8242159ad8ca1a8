// SPDX-License-Identifier: Apache-2.0
// Every command of `rekindle` with its one-line description. A command's module is imported only when
// it is asked for, so that `rekindle jfr summary` never loads the engine or the viewer.
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  readonly about: string;
  load(): Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'demo',
    about: 'the whole journey, on a small Java service',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'image',
    about: 'build and list root images',
    load: async () => (await import('./commands/image.ts')).imageCommand(),
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
    name: 'memory',
    about: 'whose page is it: asked of a running guest, or read off a snapshot',
    load: async () => (await import('./commands/memory.ts')).memoryCommand(),
  },
  {
    name: 'jfr',
    about: 'look into flight recordings, convert and mend them',
    load: async () => (await import('./commands/jfr.ts')).jfrCommand(),
  },
  {
    name: 'kernel',
    about: 'fetch and list guest kernels',
    load: async () => (await import('./commands/kernel.ts')).kernelCommand(),
  },
];
