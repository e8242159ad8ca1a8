// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadSigned64 } from './arena.ts';
import {
  ADVICE,
  Arena,
  closeDescriptor,
  createMemoryFile,
  createUserFaultFd,
  dataExtents,
  ERRNO,
  EventDescriptor,
  errnoName,
  killProcess,
  loadWord64,
  mapAnonymous,
  mapFile,
  mapShared,
  openProcess,
  PollSet,
  probeUserFaultFd,
  signalProcess,
  storeWord64,
  UFFD_FEATURE,
} from './index.ts';

describe('words', () => {
  it('hold any address, and negated errnos', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const words = new Uint32Array(4);
        storeWord64(words, 1, value);
        expect(loadWord64(words, 1)).toBe(value);
        expect(new DataView(words.buffer).getBigUint64(4, true)).toBe(BigInt(value));
      }),
    );
    const words = new Uint32Array(new BigInt64Array([-17n]).buffer);
    expect(loadSigned64(words, 0)).toBe(-17);
  });
});

describe('mappings', () => {
  it('show a file, sparse or not, and say where its data is', () => {
    const directory = mkdtempSync(join(tmpdir(), 'rekindle-map-'));
    const fd = openSync(join(directory, 'memory'), 'w+');
    ftruncateSync(fd, 1 << 20);
    writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 65536);
    writeSync(fd, Buffer.alloc(8192, 2), 0, 8192, 131072);
    expect(dataExtents(fd, 1 << 20)).toEqual([
      { start: 65536, end: 69632 },
      { start: 131072, end: 139264 },
    ]);
    const mapping = mapFile(fd, 1 << 20);
    closeSync(fd);
    expect(mapping.advise(ADVICE.willneed)).toBe(true);
    expect(new Uint8Array(mapping.bytes(65536, 2))).toEqual(new Uint8Array([1, 1]));
    expect(() => mapping.bytes(0, (1 << 20) + 1)).toThrow(RangeError);
    mapping.unmap();
    mapping.unmap();
    expect(() => mapping.bytes()).toThrow(/no longer mapped/);
    rmSync(directory, { recursive: true });
  });

  it('of a memfd are one memory for everybody', () => {
    const fd = createMemoryFile('test');
    ftruncateSync(fd, 4096);
    const one = mapShared(fd, 4096);
    const two = mapShared(fd, 4096);
    closeDescriptor(fd);
    new Uint8Array(one.bytes())[7] = 42;
    expect(new Uint8Array(two.bytes())[7]).toBe(42);
    one.unmap();
    two.unmap();
  });

  it('can be populated without losing what is in them', () => {
    const mapping = mapAnonymous(1 << 16);
    const bytes = new Uint8Array(mapping.bytes());
    bytes[4096] = 9;
    mapping.populate();
    expect(bytes[4096]).toBe(9);
    mapping.unmap();
  });

  it('come from an arena that says when it is full', () => {
    const arena = new Arena(128);
    expect(arena.take(1).address % 64).toBe(0);
    arena.take(64);
    expect(() => arena.take(1)).toThrow(/full/);
  });
});

describe('processes', () => {
  it('are watched and ended by pidfd, and gone is not an error', async () => {
    const child = spawn('sleep', ['60']);
    const pidfd = openProcess(child.pid!);
    const poll = new PollSet([pidfd]);
    expect(poll.wait(0)).toBe(0);
    expect(signalProcess(pidfd, 9)).toBe(true);
    const exited = once(child, 'exit');
    expect(poll.wait(2000)).toBe(1);
    await exited;
    expect(signalProcess(pidfd, 9)).toBe(false);
    expect(killProcess(child.pid!, 0)).toBe(false);
    expect(() => openProcess(child.pid!)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
    closeDescriptor(pidfd);
  });
});

describe('event descriptors', () => {
  it('wake the event loop once for all signals so far', async () => {
    const event = new EventDescriptor();
    expect(event.clear()).toBe(false);
    let calls = 0;
    const called = new Promise<void>((resolve) => {
      event.watch(() => {
        calls++;
        resolve();
      });
    });
    const alive = setInterval(() => {}, 1000);
    event.signal();
    event.signal();
    await called;
    await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(alive);
    expect(calls).toBe(1);
    event.close();
  });
});

// What no process may do to itself safely (fault on its own registered memory) is tested with a
// child in packages/pager; here only what cannot block.
describe('userfaultfd', () => {
  it('installs pages that are asked for before anybody faults', (context) => {
    const { available, reason } = probeUserFaultFd();
    if (!available) return context.skip(reason);
    const uffd = createUserFaultFd(UFFD_FEATURE.eventRemove | UFFD_FEATURE.threadId);
    const memory = mapAnonymous(8 * 4096);
    const page = mapAnonymous(4096);
    new Uint8Array(page.bytes()).fill(0x5a);
    try {
      uffd.register(memory.address, memory.length);
      expect(uffd.read()).toBe(-ERRNO.EAGAIN);
      expect(uffd.copy(memory.address, page.address, 4096, false)).toBe(4096);
      expect(uffd.copy(memory.address, page.address, 4096, true)).toBe(-ERRNO.EEXIST);
      expect(uffd.zero(memory.address + 4096, 2 * 4096, true)).toBe(2 * 4096);
      // A range whose later page is present: done up to there.
      expect(uffd.copy(memory.address + 5 * 4096, page.address, 4096, true)).toBe(4096);
      const partial = uffd.zero(memory.address + 3 * 4096, 4 * 4096, true);
      expect([2 * 4096, -ERRNO.EAGAIN]).toContain(partial);
      expect(uffd.copy(memory.address + 8 * 4096, page.address, 4096, true)).toBe(-ERRNO.ENOENT);
      expect(uffd.wake(memory.address, 8 * 4096)).toBe(0);
      const bytes = new Uint8Array(memory.bytes());
      expect([bytes[0], bytes[4096], bytes[5 * 4096]]).toEqual([0x5a, 0, 0x5a]);
      uffd.unregister(memory.address, memory.length);
    } finally {
      uffd.close();
      uffd.close();
    }
    memory.unmap();
    page.unmap();
  });
});

describe('errors', () => {
  it('carry call, place, name and advice', () => {
    expect(errnoName(11)).toBe('EAGAIN');
    expect(errnoName(4711)).toBe('errno 4711');
    try {
      closeDescriptor(-1);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        name: 'SystemError',
        code: 'EBADF',
        errno: 9,
        syscall: 'close',
        place: 'descriptor -1',
        message: 'close on descriptor -1 failed: EBADF',
      });
    }
  });
});
