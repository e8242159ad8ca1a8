// SPDX-License-Identifier: Apache-2.0
import { OWNER_CLASSES } from '@rekindle/memory';
import { describe, expect, it } from 'vitest';
import { drawnRun } from './testing/drawn-run.ts';
import { syntheticRun } from './testing/synthetic.ts';

const { graph } = drawnRun();
const named = (name: string, pid?: number) =>
  graph.owners.find((owner) => owner.name === name && (pid === undefined || owner.pid === pid))!;
const slots = (name: string, pid?: number) => [...graph.slotsOf(named(name, pid).id)];

describe('who uses which page', () => {
  it('gives processes, areas and mappings their pages', () => {
    expect(slots('java')).toEqual([4, 5, 6, 7, 11]);
    expect(slots('bash')).toEqual([11, 12]);
    expect(slots('Java Heap')).toEqual([4, 5]);
    expect(slots('Code')).toEqual([6]);
    expect(slots('[stack]')).toEqual([12]);
    expect(slots('/lib/libc.so', 42)).toEqual([11]);
  });

  it('gives kernel and page cache theirs', () => {
    expect(slots('kernel')).toEqual([0, 1, 2, 3]);
    expect(slots('slab')).toEqual([2, 3]);
    expect(slots('page cache')).toEqual([9, 10, 11]);
  });

  it('counts who shares a page', () => {
    expect([...graph.sharers]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 3, 1, 0, 0, 0]);
  });

  it('classifies as the memory package does', () => {
    expect([...graph.classes].map((code) => OWNER_CLASSES[code])).toEqual([
      ...['kernel', 'kernel', 'kernel', 'kernel', 'java heap', 'java heap', 'code cache'],
      ...['jvm other', 'other processes', 'page cache', 'page cache', 'jvm other'],
      ...['other processes', 'free', 'free', 'free'],
    ]);
  });

  it('lists roots by size and their parts', () => {
    expect(graph.roots().map(({ name }) => name)).toEqual(['java', 'bash', 'kernel', 'page cache']);
    const children = graph.childrenOf(named('java').id);
    const sizes = children.map(({ id }) => graph.residentPages(id));
    expect(sizes).toEqual([2, 2, 2, 1, 1]);
    expect(children.map(({ name }) => name)).toContain('Java Heap');
  });

  it('walks an address space in order', () => {
    const { virtual, slot } = graph.addressSpaceOf(named('java').id);
    expect([...slot]).toEqual([4, 5, 6, 7, 11]);
    expect([...virtual]).toEqual([...virtual].sort((a, b) => a - b));
    expect(graph.addressSpaceOf(named('kernel').id).slot).toHaveLength(0);
  });
});

it('agrees with itself in both directions, on a whole guest', () => {
  const { graph: whole } = syntheticRun('whole');
  let forward = 0;
  for (const owner of whole.owners) {
    for (const slot of whole.slotsOf(owner.id)) {
      forward++;
      if (!whole.ownersOf(slot).includes(owner.id)) expect.fail(`${owner.name} of slot ${slot}`);
    }
  }
  expect(forward).toBe(whole.slotOwners.length);
  expect(forward).toBeGreaterThan(100_000);
});
