// SPDX-License-Identifier: Apache-2.0
// Texts of a real guest, judged by a second reading of them that is slow and plain.
import { describe, expect, it } from 'vitest';
import { PAGE_BYTES } from './frames.ts';
import { readGuestTexts } from './guest-texts.ts';
import { classOfJvmArea, OWNER_CLASSES, type OwnerClass } from './owner-class.ts';
import { fixture } from './testing/fixture.ts';

const text = (name: string) => new TextDecoder().decode(fixture(`guest-${name}.txt`));
const mappings = text('mappings');
const { memory, reports } = readGuestTexts({
  mappings,
  frames: text('frames'),
  jvms: [{ nativeMemory: text('native-memory'), codeList: text('code-list') }],
});
const java = memory.processes.findIndex(({ name }) => name === 'java');

/** Pages of the processes by the lines of the text. */
function plainPages(): { pid: number; virtual: number; physical: number }[] {
  const pages: { pid: number; virtual: number; physical: number }[] = [];
  let pid = 0;
  for (const line of mappings.split('\n')) {
    const header = /^= (-?\d+) /.exec(line);
    const page = /^p (\S+) (\S+) ([01]) ([01])$/.exec(line);
    if (header !== null) pid = Number(header[1]);
    else if (page !== null && pid > 0) {
      pages.push({ pid, virtual: Number(page[1]), physical: Number(page[2]) });
    }
  }
  return pages;
}

/** Reserved ranges of native memory tracking by the lines of the text. */
function plainRegions(): { start: number; end: number; area: string }[] {
  const line = /^\[(0x\w+) - (0x\w+)\] reserved (?:and committed )?\d+KB for (.*) from$/gm;
  return [...text('native-memory').matchAll(line)].map(([, start, end, area]) => ({
    start: Number(start),
    end: Number(end),
    area: area!,
  }));
}

describe('a real guest', () => {
  const pages = plainPages();

  it('is understood to the last line', () => {
    expect(reports).toEqual([]);
    expect(memory.processes.map(({ name }) => name)).toEqual(['rekindle-init', 'java']);
    expect(memory.jvms[0]).toMatchObject({ pid: 80, process: java });
    const total = memory.runs.pages.reduce((sum, count) => sum + count, 0);
    expect(total).toBe(pages.length);
    expect(memory.mappings.resident.reduce((sum, count) => sum + count, 0)).toBe(pages.length);
  });

  it('has every frame in one class, and the sums agree', () => {
    const totals = memory.ownership.totals();
    expect(Object.values(totals).reduce((a, b) => a + b)).toBe(memory.frames.count);
    const mapped = new Set(pages.map(({ physical }) => physical));
    const ofProcesses = [...mapped].filter(
      (physical) => memory.ownership.classAt(physical) !== 'kernel',
    );
    const owned: OwnerClass[] = [
      'java heap',
      'metaspace',
      'code cache',
      'class archive',
      'thread stacks',
      'jvm other',
    ];
    const ofJava = new Set(pages.filter(({ pid }) => pid === 80).map(({ physical }) => physical));
    const javaInKernel = [...ofJava].filter(
      (physical) => memory.ownership.classAt(physical) === 'kernel',
    );
    expect(owned.reduce((sum, name) => sum + totals[name], 0)).toBe(
      ofJava.size - javaInKernel.length,
    );
    expect(ofProcesses.length).toBeGreaterThan(500);
    // The vDSO, and no more.
    expect(javaInKernel.length).toBeLessThanOrEqual(2);
  });

  it('has every resident page of the JVM in the area that plain reading finds', () => {
    const regions = plainRegions();
    const seen = new Set<string>();
    for (const { pid, virtual, physical } of pages) {
      const owner = memory.ownership.at(physical);
      const use = owner.uses.find((use) => use.process.pid === pid && use.virtual === virtual);
      expect(use).toBeDefined();
      expect(use!.mapping).toBeDefined();
      if (pid !== 80) continue;
      // Innermost: the smallest of those that hold the page.
      const region = regions
        .filter(({ start, end }) => start <= virtual && virtual < end)
        .sort((a, b) => a.end - a.start - (b.end - b.start))[0];
      expect(use!.jvmArea).toBe(region?.area);
      if (region === undefined || owner.class === 'kernel') continue;
      expect(owner.class).toBe(classOfJvmArea(region.area));
      seen.add(owner.class);
    }
    expect([...seen].sort()).toEqual(
      [
        'class archive',
        'code cache',
        'java heap',
        'jvm other',
        'metaspace',
        'thread stacks',
      ].sort(),
    );
  });

  it('knows compiled methods by page', () => {
    const methods = new Set<string>();
    for (const { physical } of pages) {
      for (const use of memory.ownership.at(physical).uses) {
        for (const method of use.methods) methods.add(method);
      }
    }
    expect(methods.size).toBeGreaterThan(5);
    expect([...methods].some((method) => method.startsWith('java.lang.String'))).toBe(true);
  });

  it('has its classes by frame where they can be looked up', () => {
    const { classes } = memory.ownership;
    expect(classes.length).toBe(memory.frames.count);
    const heap = pages.find(({ virtual }) => memory.jvms[0]!.areaAt(virtual) === 'Java Heap')!;
    expect(OWNER_CLASSES[classes[heap.physical / PAGE_BYTES]!]).toBe('java heap');
  });
});
