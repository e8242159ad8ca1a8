// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readGuestTexts } from './guest-texts.ts';
import { OWNER_CLASSES } from './owner-class.ts';
import {
  DRAWN_CODE_LIST,
  DRAWN_FRAMES,
  DRAWN_MAPPINGS,
  DRAWN_NATIVE_MEMORY,
} from './testing/drawn-guest.ts';

const { memory, reports } = readGuestTexts({
  mappings: DRAWN_MAPPINGS,
  frames: DRAWN_FRAMES,
  jvms: [{ nativeMemory: DRAWN_NATIVE_MEMORY, codeList: DRAWN_CODE_LIST }],
});

describe('ownership', () => {
  it('puts every frame into exactly one class', () => {
    expect(reports).toEqual([]);
    const classes = [...memory.ownership.classes].map((code) => OWNER_CLASSES[code]);
    expect(classes).toEqual([
      ...Array(3).fill('kernel'), // code, and data that bash maps as its vDSO
      'kernel', // slab
      'kernel', // page table
      'kernel', // reserved
      'java heap',
      'metaspace',
      'metaspace',
      'code cache',
      'thread stacks',
      'jvm other', // libjvm.so
      'jvm other', // libc.so: bash has it too, the JVM comes first
      'jvm other', // malloc
      'other processes',
      'page cache',
      'page cache',
      'other processes', // swap cache
      'free',
      'free',
      'free',
      'kernel', // allocated, of no told use
      'unknown',
      'unknown',
    ]);
    const totals = memory.ownership.totals();
    expect(Object.values(totals).reduce((a, b) => a + b)).toBe(memory.frames.count);
    expect(totals['jvm other']).toBe(3);
  });

  it('tells everyone who uses a frame', () => {
    const libc = memory.ownership.at(12 * 4096 + 17);
    expect(libc).toMatchObject({ guestPhysical: 12 * 4096, class: 'jvm other', kind: 'file' });
    expect(
      libc.uses.map(({ process, virtual, mapping }) => [process.pid, virtual, mapping]),
    ).toEqual([
      [1, 0x7ffff7c00000, '/usr/lib/libc.so.6'],
      [214, 0x7ffff7a00000, '/usr/lib/libc.so.6'],
    ]);
  });

  it('tells the methods that have code in a page', () => {
    const [use] = memory.ownership.at(9 * 4096).uses;
    expect(use).toMatchObject({
      jvmArea: 'Code',
      methods: ['java.lang.Object.<init>()V', 'java.lang.String.hashCode()I'],
    });
  });

  it('knows nothing outside the memory', () => {
    expect(memory.ownership.at(2 ** 40)).toEqual({
      guestPhysical: 2 ** 40,
      class: 'unknown',
      kind: undefined,
      name: '',
      uses: [],
    });
    expect(memory.ownership.classAt(-1)).toBe('unknown');
  });

  it('takes a java of which nothing is told for a JVM all the same', () => {
    const { memory } = readGuestTexts({ mappings: DRAWN_MAPPINGS });
    expect(memory.ownership.classAt(6 * 4096)).toBe('jvm other');
  });
});
