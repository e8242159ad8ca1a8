// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import {
  type Introspection,
  introspect,
  kindOf,
  type MemoryRegion,
  readCapture,
} from '@rekindle/memory';
import { openSnapshot } from '@rekindle/microvm';
import { Command, InvalidArgumentError } from 'commander';
import { FileError } from '../file-error.ts';
import { formatMillis, Progress, printJson } from '../output.ts';
import { writeCaptureFile } from './capture-file.ts';
import { memoryFigures, pagesOfFiles, printFiles, printMemory } from './figures.ts';

interface IntrospectFlags {
  readonly output?: string;
  readonly files?: number;
  readonly json?: true;
}

/** Memory to look into, and what is known of it besides. */
interface Subject {
  readonly memory: string;
  readonly regions: readonly MemoryRegion[] | undefined;
  readonly owners: string | undefined;
}

const GIB = 2 ** 30;

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

export function introspectCommand(): Command {
  return new Command('introspect')
    .description('Read off a snapshot who owns which page: no agent, no symbols, nothing started')
    .argument('<snapshot>', 'a snapshot directory, or a memory file')
    .option('-o, --output <file>', 'write the answer as a recording (.jfr)')
    .option('--files <n>', 'list the files with the most pages in memory', whole)
    .option('--json', 'the figures as JSON')
    .addHelpText('after', '\nExample:\n  rekindle memory introspect demo/snapshot --files 10')
    .action(async (path: string, flags: IntrospectFlags) => {
      const subject = subjectOf(path);
      const progress = new Progress(flags.json);
      progress.start('looking into the memory');
      const start = performance.now();
      const found = look(subject, progress);
      const elapsedMs = performance.now() - start;
      progress.done(`kernel ${found.kernelRelease}`);
      const jvms = await jvmsOf(subject);
      const memory = jvms === undefined ? found.memory : found.memory.withJvms(jvms);
      if (flags.output !== undefined) writeCaptureFile(flags.output, memory);
      const files = flags.files === undefined ? undefined : pagesOfFiles(memory, kindOf);
      if (flags.json) {
        const { kernelRelease, pageTableLevels, tasks } = found;
        const jvmAreas = jvms !== undefined ? 'owners' : memory.jvms.length > 0 ? 'memory' : null;
        const head = { kernelRelease, pageTableLevels, tasks, elapsedMs, jvmAreas };
        printJson({ ...head, ...memoryFigures(memory), files: files?.slice(0, flags.files) });
        return;
      }
      printHead(found, elapsedMs);
      printMemory(memory);
      if (memory.jvms.length === 0 && memory.processes.some(({ name }) => name === 'java')) {
        process.stdout.write('\nThis JVM tells of no areas in memory: all of it is "jvm other".\n');
      }
      if (files !== undefined && flags.files !== undefined) printFiles(files, flags.files);
    });
}

function look({ memory, regions }: Subject, progress: Progress): Introspection {
  const source = FileError.wrap(memory, () => openFileSource(memory));
  try {
    return introspect(source, regions === undefined ? {} : { regions });
  } catch (error) {
    progress.stop();
    throw error;
  } finally {
    source.close();
  }
}

function subjectOf(path: string): Subject {
  if (FileError.wrap(path, () => statSync(path)).isFile()) {
    return { memory: path, regions: undefined, owners: undefined };
  }
  const snapshot = openSnapshot(path);
  if (snapshot.kind === 'rekindle') {
    const { regions } = snapshot.manifest.machine;
    return { memory: snapshot.memory, regions, owners: snapshot.owners };
  }
  const regions = firecrackerRegions(snapshot.memoryBytes);
  return { memory: snapshot.memory, regions, owners: undefined };
}

/** Firecracker leaves the GiB below 4 GiB to devices (src/vmm/src/arch/x86_64/layout.rs). */
function firecrackerRegions(bytes: number): MemoryRegion[] {
  const gap = 3 * GIB;
  const low = { guestPhysical: 0, bytes: Math.min(bytes, gap), fileOffset: 0 };
  if (bytes <= gap) return [low];
  return [low, { guestPhysical: 4 * GIB, bytes: bytes - gap, fileOffset: gap }];
}

/**
 * What the JVMs said of themselves when the snapshot was made, which is finer than what is read off their
 * memory; undefined when nobody asked them.
 */
async function jvmsOf({ owners }: Subject) {
  if (owners === undefined) return undefined;
  const source = FileError.wrap(owners, () => openFileSource(owners));
  try {
    return (await readCapture(await openRecording(source)))?.jvms;
  } finally {
    source.close();
  }
}

function printHead(found: Introspection, elapsedMs: number): void {
  process.stdout.write(
    `Linux ${found.kernelRelease}, ${found.tasks} tasks, page tables of ${found.pageTableLevels} levels; ` +
      `read in ${formatMillis(elapsedMs)}\n\n`,
  );
}
