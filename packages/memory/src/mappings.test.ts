// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryError } from './error.ts';
import { PAGE_EXCLUSIVE, PAGE_FILE_OR_SHARED } from './guest-memory.ts';
import { GuestMemoryBuilder } from './guest-memory-builder.ts';
import { parsePieces, parseText } from './lines.ts';
import { MappingsParser } from './mappings.ts';
import { DRAWN_MAPPINGS } from './testing/drawn-guest.ts';

function read(text: string) {
  const builder = new GuestMemoryBuilder();
  const report = parseText(new MappingsParser(builder), text);
  return { report, memory: builder.build() };
}

function failure(text: string): MemoryError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof MemoryError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('the mapping text', () => {
  it('is read as fireCRaCer writes it', () => {
    // From the README of simonis/fireCRaCer: addresses as its tool printed them.
    const { report, memory } = read(
      [
        '= 1 /usr/bin/bash',
        'v 0x0000555555554000 0x0000555555583000 /usr/bin/bash',
        'p 0x0000555555554000 0x0000000001ff7000 0 1',
        'p 0x0000555555555000 0x0000000001ff6000 0 1',
        '= 214 /opt/jdk/bin/java',
        'v 0x00000000f0a00000 0x00000000f2270000',
        'p 0x00000000f0a00000 0x00000000063d4000 1 0',
        'p 0x00000000f0a01000 0x00000000063d5000 1 0',
        '= 0 kernel',
        'v 0x0000000001000000 0x0000000001a00587 Kernel code',
        'p 0x0000000001000000 0x0000000100000000',
        '= -1 pagecache',
        'v 000000000000000000 0x000000003d47d000 /proc/kpageflags',
        'p 0x0000000001a01000 0x0000000400000868',
      ].join('\n'),
    );
    expect(report).toEqual({
      processes: 2,
      mappings: 2,
      pages: 6,
      unknown: { count: 0, first: [] },
    });
    expect(memory.processes).toEqual([
      { pid: 1, name: 'bash', executable: '/usr/bin/bash' },
      { pid: 214, name: 'java', executable: '/opt/jdk/bin/java' },
    ]);
    expect([...memory.mappings.start]).toEqual([0x555555554000, 0xf0a00000]);
    expect([...memory.mappings.name].map((name) => memory.mappings.names[name])).toEqual([
      '/usr/bin/bash',
      '',
    ]);
    // The two pages of bash lie the other way round in memory; those of java are one run.
    expect([...memory.runs.pages]).toEqual([1, 1, 2]);
    expect([...memory.runs.guestPhysical]).toEqual([0x1ff7000, 0x1ff6000, 0x63d4000]);
    expect([...memory.runs.flags]).toEqual([
      PAGE_FILE_OR_SHARED,
      PAGE_FILE_OR_SHARED,
      PAGE_EXCLUSIVE,
    ]);
    expect([...memory.mappings.resident]).toEqual([2, 2]);
    expect(memory.frames.count).toBe(0x3d47d);
    const owner = (address: number) => {
      const { kind, name } = memory.ownership.at(address);
      return { kind, name };
    };
    expect(owner(0x1000000)).toEqual({ kind: 'kernel text', name: 'Kernel code' });
    expect(owner(0x1a01000)).toEqual({ kind: 'file', name: '' });
  });

  it('leaves to others what boot freed of the kernel’s image', () => {
    const { memory } = read(
      '= 0 kernel\nv 0x1000 0x4000 Kernel bss\np 0x1000 0x100000000\np 0x2000 0x868\np 0x3000 0x400',
    );
    const kinds = [1, 2, 3].map((frame) => memory.ownership.at(frame * 4096).kind);
    expect(kinds).toEqual(['kernel', 'file', 'free']);
  });

  it('is read the same from pieces cut anywhere', async () => {
    const bytes = new TextEncoder().encode(DRAWN_MAPPINGS);
    const whole = read(DRAWN_MAPPINGS).memory;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = ends.slice(1).map((end, i) => bytes.slice(ends[i], end));
        const builder = new GuestMemoryBuilder();
        await parsePieces(new MappingsParser(builder), pieces);
        expect(builder.build()).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps what it does not understand for the report', () => {
    const { report } = read('hello\n\n= 1 /bin/sh\n  \nx 1 2\nbash: line 3: no such file\r\n');
    expect(report.unknown).toEqual({
      count: 3,
      first: [
        { line: 1, text: 'hello' },
        { line: 5, text: 'x 1 2' },
        { line: 6, text: 'bash: line 3: no such file' },
      ],
    });
  });

  it.each([
    ['a page of no process', 'p 0x1000 0x2000 0 0', 'out-of-order', 1],
    ['no number', '= 1 x\nv 0x1000 0x3000\np 0xzz 0x1000 0 0', 'bad-line', 3],
    ['a cut line', '= 1 x\nv 0x1000 0x3000\np 0x0000000000001000 0x00000', 'bad-line', 3],
    ['an address inside a page', '= 1 x\nv 0x1000 0x3000\np 0x1001 0x2000 0 0', 'bad-line', 3],
    ['more than 64 bits', '= 1 x\nv 0x10000000000000000 0x3000', 'bad-line', 2],
    ['an end before its start', '= 1 x\nv 0x3000 0x1000', 'bad-line', 2],
    ['no process id', '= java', 'bad-line', 1],
    [
      'memory of an exabyte',
      '= 1 x\nv 0 1000\np 0x0 0x1000000000000000 0 0',
      'address-too-large',
      3,
    ],
    ['frames without a number', 'f 0x1000 0xff 0x0', 'bad-line', 1],
    ['no frames', 'f 0x1000 0 0x0', 'address-too-large', 1],
    ['a binary', `${'x'.repeat(70_000)}`, 'line-too-long', 1],
  ])('refuses %s, and says where', (_, text, code, line) => {
    const error = failure(text);
    expect({ code: error.code, line: error.place.line }).toEqual({ code, line });
    expect(error.message).toContain(`line ${line}`);
    expect(error.hint).not.toBe('');
  });

  it('never fails but by its own error', () => {
    const word = fc.constantFrom(
      '=',
      'v',
      'p',
      '0',
      '1',
      '-1',
      '0x1000',
      'ffff',
      '\n',
      ' ',
      '\t',
      'é',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        try {
          read(words.join(' '));
        } catch (error) {
          expect(error).toBeInstanceOf(MemoryError);
        }
      }),
    );
  });

  it('reads 300 000 lines in well under a second', () => {
    const lines = ['= 9 /bin/big', 'v 0x0 0x7fffffffffff'];
    for (let i = 1; i <= 300_000; i++) {
      // Every other page goes on where the one before it ended.
      const physical = (i ^ 1) * 4096;
      lines.push(`p 0x${(i * 4096).toString(16)} 0x${physical.toString(16)} 1 0`);
    }
    const text = new TextEncoder().encode(lines.join('\n'));
    const start = performance.now();
    const builder = new GuestMemoryBuilder();
    const report = parseText(new MappingsParser(builder), text);
    expect(report.pages).toBe(300_000);
    expect(performance.now() - start).toBeLessThan(1500);
  });
});
