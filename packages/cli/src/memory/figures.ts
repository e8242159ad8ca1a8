// SPDX-License-Identifier: Apache-2.0
// The figures of a guest's memory, for people and for programs.
import { type GuestMemory, OWNER_CLASSES, PAGE_BYTES } from '@rekindle/memory';
import { formatBytes, printTable } from '../output.ts';

interface MemoryFigures {
  readonly frames: number;
  /** Pages by class; the sum is `frames`. */
  readonly owners: Readonly<Record<string, number>>;
  readonly processes: readonly {
    readonly pid: number;
    readonly name: string;
    readonly executable: string;
    /** Pages in memory that it maps, shared ones too. */
    readonly residentPages: number;
  }[];
}

export function memoryFigures(memory: GuestMemory): MemoryFigures {
  return {
    frames: memory.frames.count,
    owners: memory.ownership.totals(),
    processes: memory.processes.map((process, index) => ({
      ...process,
      residentPages: memory.residentPages(index),
    })),
  };
}

export function printMemory(memory: GuestMemory): void {
  const { processes, owners, frames } = memoryFigures(memory);
  printTable(
    ['pid', 'name', 'resident', 'executable'],
    processes.map(({ pid, name, executable, residentPages }) => [
      String(pid),
      name,
      formatBytes(residentPages * PAGE_BYTES),
      executable,
    ]),
    [0, 2],
  );
  process.stdout.write('\n');
  const row = (name: string, pages: number) => [
    name,
    pages.toLocaleString('en'),
    formatBytes(pages * PAGE_BYTES),
  ];
  const present = OWNER_CLASSES.filter((name) => (owners[name] ?? 0) > 0);
  printTable(
    ['owner', 'pages', 'bytes'],
    [...present.map((name) => row(name, owners[name] ?? 0)), row('all', frames)],
    [1, 2],
  );
}

/** A file with pages in memory. `mapped`: by a process. */
export interface FilePages {
  readonly file: string;
  readonly pages: number;
  readonly mapped: number;
}

/** Files by the pages they have in memory, largest first. */
export function pagesOfFiles({ frames }: GuestMemory, kindNames: FileKinds): FilePages[] {
  const pages = new Uint32Array(frames.names.length);
  const mapped = new Uint32Array(frames.names.length);
  for (let frame = 0; frame < frames.count; frame++) {
    const kind = kindNames(frames.kind[frame] ?? 0);
    if (kind !== 'file' && kind !== 'page cache') continue;
    const name = frames.name[frame] ?? 0;
    pages[name]! += 1;
    if (kind === 'file') mapped[name]! += 1;
  }
  return frames.names
    .map((file, name) => ({ file, pages: pages[name]!, mapped: mapped[name]! }))
    .filter(({ pages }) => pages > 0)
    .sort((a, b) => b.pages - a.pages || a.file.localeCompare(b.file));
}

type FileKinds = (code: number) => string | undefined;

export function printFiles(files: readonly FilePages[], most: number): void {
  process.stdout.write('\n');
  printTable(
    ['file', 'pages', 'mapped'],
    files
      .slice(0, most)
      .map(({ file, pages, mapped }) => [
        file || '(no name)',
        pages.toLocaleString('en'),
        mapped.toLocaleString('en'),
      ]),
    [1, 2],
  );
  if (files.length > most) process.stdout.write(`and ${files.length - most} more\n`);
}
