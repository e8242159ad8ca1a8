// SPDX-License-Identifier: Apache-2.0
// Ownership of a real guest's memory, told twice: by the guest's own agent while it runs, and by the
// snapshot's memory file alone. Both must tell the same.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import {
  type GuestMemory,
  type Introspection,
  introspect,
  kindOf,
  PAGE_BYTES,
  readCapture,
} from '@rekindle/memory';
import { type BootedVm, bootVm, openSnapshot, snapshotVm } from '@rekindle/microvm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Capture, captureGuest } from '../packages/cli/src/guest-capture.ts';
import { writeCaptureFile } from '../packages/cli/src/memory/capture-file.ts';
import { demoGuest, isolatedState, leftBehind, NOTHING, SERVICE } from './testing/vms.ts';

const state = isolatedState();
const directory = join(state.directory, 'snapshot');
const owners = join(state.directory, 'owners.jfr');
const rekindle = fileURLToPath(new URL('../packages/cli/bin/rekindle.cjs', import.meta.url));
let booted: BootedVm;
let asked: Capture;
let found: Introspection;
let elapsedMs = Number.POSITIVE_INFINITY;
let captured: ReturnType<typeof run>;

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [rekindle, ...args], { encoding: 'utf8' });
}

beforeAll(async () => {
  booted = await bootVm({ ...(await demoGuest()), name: 'looked-into' }, { probe: SERVICE });
  const { machine } = booted;
  captured = run('memory', 'capture', 'looked-into', '--output', owners, '--json');
  asked = await captureGuest(machine.agent!);
  writeCaptureFile(owners, asked.memory);
  await snapshotVm(machine, directory, { after: 'kill', owners, probe: SERVICE });
  const snapshot = openSnapshot(directory);
  if (snapshot.kind !== 'rekindle') throw new Error('not a snapshot of ours');
  const source = openFileSource(snapshot.memory);
  // Twice: the machine may be at something else the first time.
  for (let look = 0; look < 2; look++) {
    const start = performance.now();
    found = introspect(source, { regions: snapshot.manifest.machine.regions });
    elapsedMs = Math.min(elapsedMs, performance.now() - start);
  }
  source.close();
}, 300_000);

afterAll(async () => {
  await booted?.machine.kill();
  expect(leftBehind(state.directory)).toEqual(NOTHING);
  state.remove();
});

/** Guest physical address by virtual address. */
function pagesOf({ processes, runs }: GuestMemory, pid: number): Map<number, number> {
  const process = processes.findIndex((candidate) => candidate.pid === pid);
  const pages = new Map<number, number>();
  for (let run = 0; run < runs.length; run++) {
    if (runs.process[run] !== process) continue;
    for (let page = 0; page < runs.pages[run]!; page++) {
      const offset = page * PAGE_BYTES;
      pages.set(runs.virtual[run]! + offset, runs.guestPhysical[run]! + offset);
    }
  }
  return pages;
}

function mappingsOf({ processes, mappings }: GuestMemory, pid: number): string[] {
  const process = processes.findIndex((candidate) => candidate.pid === pid);
  const lines: string[] = [];
  for (let i = 0; i < mappings.length; i++) {
    if (mappings.process[i] !== process) continue;
    const [start, end] = [mappings.start[i]!, mappings.end[i]!];
    // Above the user's half only the vsyscall page is shown by /proc, and no area of the process.
    if (start < 2 ** 56) {
      lines.push(`${start.toString(16)}-${end.toString(16)} ${mappings.names[mappings.name[i]!]}`);
    }
  }
  return lines.sort();
}

const javaOf = (memory: GuestMemory) => memory.processes.find(({ name }) => name === 'java')!;

describe('a snapshot looked into', () => {
  it('tells the processes, and the two of the agent that leave themselves out', () => {
    expect(found.kernelRelease).toMatch(/^\d+\.\d+/);
    expect(found.tasks).toBeGreaterThan(20);
    const named = ({ processes }: GuestMemory) =>
      processes.map(({ pid, executable }) => `${pid} ${executable}`);
    const more = named(found.memory).filter((line) => !named(asked.memory).includes(line));
    expect(named(found.memory)).toEqual(expect.arrayContaining(named(asked.memory)));
    expect(more.every((line) => line.endsWith('/rekindle-agent'))).toBe(true);
  });

  it('tells the mappings of the JVM under the same names', () => {
    const { pid } = javaOf(asked.memory);
    const told = mappingsOf(asked.memory, pid);
    expect(told.length).toBeGreaterThan(100);
    // The JVM went on for a moment: it may have committed a range more, which splits one.
    const same = mappingsOf(found.memory, pid).filter((line) => told.includes(line));
    expect(same.length).toBeGreaterThan(told.length * 0.97);
  });

  it('tells every resident page of the JVM at the same place', () => {
    const { pid } = javaOf(asked.memory);
    const told = pagesOf(asked.memory, pid);
    const read = pagesOf(found.memory, pid);
    expect(told.size).toBeGreaterThan(5000);
    const same = [...told].filter(([virtual, physical]) => read.get(virtual) === physical).length;
    const different = told.size - same;
    console.log(
      `${told.size} pages of the JVM, ${same} the same; looked into in ${elapsedMs.toFixed(0)} ms`,
    );
    expect(different).toBeLessThan(told.size * 0.01);
  });

  it('tells the same owner of nearly every frame', () => {
    const [told, read] = [asked.memory.frames, found.memory.frames];
    const differences = new Map<string, number>();
    let same = 0;
    for (let frame = 0; frame < told.count; frame++) {
      const [a, b] = [kindOf(told.kind[frame]!), kindOf(read.kind[frame]!)];
      // Between data and bss of the kernel lies memory that is reserved and has no name in /proc/iomem.
      if (a === b || (a === 'reserved' && b === 'kernel')) same++;
      else differences.set(`${a} -> ${b}`, (differences.get(`${a} -> ${b}`) ?? 0) + 1);
    }
    console.log(`frames told differently: ${JSON.stringify([...differences])}`);
    // What is left is what the agent itself took to print its answer, and what the service went on to do.
    expect(same).toBeGreaterThan(told.count * 0.99);
  });

  it('tells the areas of the JVM, which nobody asked', () => {
    const told = asked.memory.ownership.totals();
    const read = found.memory.ownership.totals();
    for (const name of [
      'java heap',
      'metaspace',
      'code cache',
      'class archive',
      'thread stacks',
    ] as const) {
      console.log(
        `${name}: ${told[name]} pages by native memory tracking, ${read[name]} by the JVM's own structures`,
      );
      expect(read[name] / told[name]).toBeGreaterThan(0.95);
      expect(read[name] / told[name]).toBeLessThan(1.05);
    }
  });

  it('tells the compiled methods, by page and by name', () => {
    const methodsOf = ({ jvms }: GuestMemory) => {
      const { methods } = jvms[0]!;
      return Array.from(
        { length: methods.length },
        (_, i) => `${methods.start[i]} ${methods.level[i]} ${methods.methods[methods.method[i]!]}`,
      );
    };
    const told = methodsOf(asked.memory);
    const read = new Set(methodsOf(found.memory));
    const same = told.filter((method) => read.has(method)).length;
    console.log(
      `${told.length} compiled methods by the code list, ${same} of them read off the memory`,
    );
    expect(told.length).toBeGreaterThan(300);
    expect(same).toBeGreaterThan(told.length * 0.95);
  });

  it('is looked into within three seconds', () => {
    expect(elapsedMs).toBeLessThan(3000);
  });
});

describe('rekindle memory', () => {
  it('captures from a running VM', async () => {
    expect(captured.stderr).not.toContain('not understood');
    const figures = JSON.parse(captured.stdout);
    expect(figures.owners['java heap']).toBeGreaterThan(100);
    const total = Object.values<number>(figures.owners).reduce((sum, pages) => sum + pages, 0);
    expect(total).toBe(figures.frames);
  });

  it('introspects a snapshot, with the areas that the JVM told', async () => {
    const output = join(state.directory, 'introspected.jfr');
    const { status, stdout, stderr } = run(
      'memory',
      'introspect',
      directory,
      '--json',
      '--files',
      '3',
      '--output',
      output,
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const figures = JSON.parse(stdout);
    expect(figures).toMatchObject({ jvmAreas: 'owners', frames: found.memory.frames.count });
    const told = asked.memory.ownership.totals();
    for (const name of [
      'java heap',
      'metaspace',
      'code cache',
      'class archive',
      'thread stacks',
    ] as const) {
      expect(figures.owners[name] / told[name]).toBeGreaterThan(0.95);
      expect(figures.owners[name] / told[name]).toBeLessThan(1.05);
    }
    expect(figures.files.map(({ file }: { file: string }) => file)).toContainEqual(
      expect.stringMatching(/libjvm\.so$/),
    );
    const source = openFileSource(output);
    const back = await readCapture(await openRecording(source));
    source.close();
    expect(back?.ownership.totals()).toMatchObject(figures.owners);
  });
});
