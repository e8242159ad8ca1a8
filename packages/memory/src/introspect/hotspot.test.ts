// SPDX-License-Identifier: Apache-2.0
// Real JVMs, looked into through /proc/PID/mem, against their own native memory tracking.
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CodeListParser } from '../compiled-code.ts';
import type { JvmMethods, JvmRegions } from '../jvm-layout.ts';
import { parseText } from '../lines.ts';
import { NativeMemoryParser } from '../native-memory.ts';
import { hotspotLayout, type ProcessArea } from './hotspot.ts';
import type { VirtualMemory } from './virtual-memory.ts';

function versionOf(home: string): number {
  const release = join(home, 'release');
  const text = existsSync(release) ? readFileSync(release, 'utf8') : '';
  return Number(/JAVA_VERSION="(\d+)/.exec(text)?.[1] ?? 0);
}

const jvms = '/usr/lib/jvm';
const homes = (existsSync(jvms) ? readdirSync(jvms, { withFileTypes: true }) : [])
  .filter((entry) => entry.isDirectory() && existsSync(join(jvms, entry.name, 'bin/jcmd')))
  .map(({ name }) => join(jvms, name))
  .filter((home) => versionOf(home) >= 17);
if (homes.length === 0) console.warn('no JDK here: areas of JVMs are not read off their memory');

const folder = mkdtempSync(join(tmpdir(), 'rekindle-hotspot-'));
afterAll(() => rmSync(folder, { recursive: true }));
const source = join(folder, 'Waits.java');
writeFileSync(
  source,
  'public class Waits { public static void main(String[] a) throws Exception { System.out.println("up"); Thread.sleep(60000); } }',
);

interface Looked {
  readonly read: JvmRegions;
  readonly told: JvmRegions;
  readonly readMethods: JvmMethods;
  readonly toldMethods: JvmMethods;
}

/** Starts a JVM, reads its areas off its memory, asks it for them, and ends it. */
async function lookInto(home: string, option: string): Promise<Looked> {
  const options = ['-Xmx64m', option, '-XX:NativeMemoryTracking=detail', source];
  const jvm = spawn(join(home, 'bin/java'), options, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve, reject) => {
      jvm.stdout.once('data', resolve);
      jvm.once('exit', () => reject(new Error('the JVM ended')));
    });
    const jcmd = join(home, 'bin/jcmd');
    const answer = execFileSync(jcmd, [String(jvm.pid), 'VM.native_memory', 'detail']);
    const areas = areasOf(jvm.pid!);
    const { start } = areas.find(({ file }) => file.endsWith('/libjvm.so'))!;
    const memory = memoryOf(jvm.pid!);
    const read = hotspotLayout(memory, start, areas);
    memory.close();
    if (read === undefined) throw new Error('the JVM tells nothing');
    const list = execFileSync(jcmd, [String(jvm.pid), 'Compiler.codelist']);
    return {
      read: read.regions,
      told: parseText(new NativeMemoryParser(), answer).regions,
      readMethods: read.methods,
      toldMethods: parseText(new CodeListParser(), list).methods,
    };
  } finally {
    jvm.removeAllListeners('exit');
    jvm.kill('SIGKILL');
  }
}

function areasOf(pid: number): ProcessArea[] {
  const line = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/gm;
  return [...readFileSync(`/proc/${pid}/maps`, 'latin1').matchAll(line)]
    .map(([, start, end, rights, name]) => ({
      start: Number.parseInt(start!, 16),
      end: Number.parseInt(end!, 16),
      writable: rights![1] === 'w',
      file: name!.startsWith('/') ? name! : '',
    }))
    .filter(({ start }) => start < 2 ** 47);
}

function memoryOf(pid: number): VirtualMemory & { close(): void } {
  const file = openSync(`/proc/${pid}/mem`, 'r');
  return {
    page(address) {
      const bytes = new Uint8Array(4096);
      try {
        readSync(file, bytes, 0, 4096, address);
      } catch {
        return undefined;
      }
      return new DataView(bytes.buffer);
    },
    close: () => closeSync(file),
  };
}

function rangesOf(
  regions: JvmRegions,
  area: string,
): { range: string; bytes: number; committed: number }[] {
  const found: { range: string; bytes: number; committed: number }[] = [];
  for (let i = 0; i < regions.length; i++) {
    if (regions.parent[i] !== -1 || regions.areas[regions.area[i]!] !== area) continue;
    const [start, end] = [regions.start[i]!, regions.end[i]!];
    found.push({ range: `${start}-${end}`, bytes: end - start, committed: regions.committed[i]! });
  }
  return found;
}

const committedOf = (regions: JvmRegions, area: string) =>
  rangesOf(regions, area).reduce((sum, { committed }) => sum + committed, 0);

describe.each(homes)('areas read off the memory of a JVM of %s', (home) => {
  let looked: Looked;
  beforeAll(async () => {
    looked = await lookInto(home, '-XX:+UseSerialGC');
  });

  it('are those of its native memory tracking', () => {
    const { read, told } = looked;
    expect(rangesOf(read, 'Java Heap')).toEqual(rangesOf(told, 'Java Heap'));
    for (const area of ['Class', 'Metaspace']) {
      expect(committedOf(read, area)).toBeGreaterThan(100_000);
      expect(committedOf(read, area)).toBe(committedOf(told, area));
    }
    const archive = (regions: JvmRegions) => committedOf(regions, 'Shared class space');
    expect(Math.abs(archive(read) - archive(told))).toBeLessThanOrEqual(4096);
    // Segments of the code cache lie side by side in the range that the JVM tells.
    const [code] = rangesOf(read, 'Code');
    const inCode = rangesOf(told, 'Code').filter(({ bytes }) => bytes > 4 << 20);
    expect(code?.bytes).toBe(inCode.reduce((sum, { bytes }) => sum + bytes, 0));
    // Stacks of the VM thread and of the collector's are told by native memory tracking alone.
    const stacks = rangesOf(told, 'Thread Stack').map(({ range }) => range);
    const ofJava = rangesOf(read, 'Thread Stack').map(({ range }) => range);
    expect(ofJava.length).toBeGreaterThan(5);
    expect(stacks).toEqual(expect.arrayContaining(ofJava));
  });

  it('come with the compiled methods of its code list', () => {
    const { readMethods, toldMethods } = looked;
    const lines = ({ length, start, end, level, method, methods }: JvmMethods) =>
      Array.from({ length }, (_, i) => `${start[i]}-${end[i]} ${level[i]} ${methods[method[i]!]}`);
    const told = new Set(lines(toldMethods));
    const same = lines(readMethods).filter((line) => told.has(line)).length;
    expect(same).toBeGreaterThan(300);
    // The JVM went on compiling between the two looks.
    expect(same).toBeGreaterThan(readMethods.length * 0.9);
    expect(same).toBeGreaterThan(toldMethods.length * 0.9);
  });

  it('tell the heap of ZGC by its mappings', async () => {
    const { read, told } = await lookInto(home, '-XX:+UseZGC');
    expect(committedOf(read, 'Java Heap')).toBeGreaterThan(1 << 20);
    const regions = rangesOf(told, 'Java Heap').map(({ range }) => range.split('-').map(Number));
    for (const { range } of rangesOf(read, 'Java Heap')) {
      const [start, end] = range.split('-').map(Number);
      expect(regions.some(([low, high]) => low! <= start! && end! <= high!)).toBe(true);
    }
  });
});

describe('a memory without a JVM', () => {
  it('tells no areas', () => {
    const nothing = { page: () => undefined };
    const zeroes = { page: () => new DataView(new ArrayBuffer(4096)) };
    const same = new DataView(new Uint8Array(4096).fill(0x7f).buffer);
    for (const memory of [nothing, zeroes, { page: () => same }]) {
      expect(hotspotLayout(memory, 0x7000_0000_0000, [])).toBeUndefined();
    }
  });
});
