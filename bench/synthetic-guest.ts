// SPDX-License-Identifier: Apache-2.0
// Guests that are no guests: a memory file, an order in which its pages are touched, and the working set that a
// recording would give. The stand-in VMM (packages/pager/native/test-vmm.c) replays it at the processor's speed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  buildPreload,
  buildWorkingSet,
  encodeWorkingSet,
  type PagerHandle,
  type PagerOptions,
  type PagerProcess,
  spawnPager,
} from '../packages/pager/src/index.ts';
import { buildNative, TEST_VMM } from '../packages/pager/src/native-build.ts';

export const PAGE = 4096;
export const MIB: number = 2 ** 20;
/** Data at most; what is larger is holes, which cost a file nothing. */
const MOST_DATA = 1536;

export interface SyntheticGuest {
  readonly directory: string;
  readonly memory: string;
  /** Pages in the order of their touch, u32 each. */
  readonly order: string;
  readonly workingSet: string;
  readonly mib: number;
  readonly touchedMib: number;
}

/** The same pseudo-random numbers in every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Three MiB of data, one of holes, and so on, up to the most that is worth writing. */
const dataMib = (mib: number): number => Math.min(mib, MOST_DATA);

/** A memory of `mib`, and a touch order of `touchedMib` of it in clusters of one to five pages. */
export function makeGuest(directory: string, mib: number, touchedMib: number): SyntheticGuest {
  const memory = join(directory, `memory-${mib}`);
  const data = dataMib(mib);
  const fd = openSync(memory, 'w');
  ftruncateSync(fd, mib * MIB);
  const piece = Buffer.alloc(3 * MIB, 0x5a);
  // Spread over the whole memory, as guests do.
  const stride = Math.max(4, Math.floor(mib / (data / 4)));
  const blocks: number[] = [];
  for (let at = 0; at + 4 <= mib && blocks.length * 4 < data; at += stride) {
    writeSync(fd, piece, 0, piece.length, at * MIB);
    blocks.push(at);
  }
  fdatasyncSync(fd);
  closeSync(fd);
  const random = randomNumbers(7);
  const perBlock = (4 * MIB) / PAGE;
  const seen = new Set<number>();
  const touched = (touchedMib * MIB) / PAGE;
  while (seen.size < touched) {
    const block = (blocks[random(blocks.length)]! * MIB) / PAGE;
    const start = random(perBlock);
    const end = Math.min(start + 1 + random(5), perBlock);
    for (let page = start; page < end && seen.size < touched; page++) seen.add(block + page);
  }
  const order = [...seen];
  const holes = new Set(blocks);
  const isHole = (page: number): boolean => {
    const at = Math.floor((page * PAGE) / MIB);
    return !holes.has(at) && !holes.has(at - 1) && !holes.has(at - 2);
  };
  const paths = { order: join(directory, 'order'), workingSet: join(directory, 'working-set') };
  writeFileSync(paths.order, Buffer.from(Uint32Array.from(order).buffer));
  const set = buildWorkingSet([order], {
    pageSize: PAGE,
    memoryBytes: mib * MIB,
    snapshotHash: '',
    isZero: isHole,
    hotRank: touched / 2,
  });
  writeFileSync(paths.workingSet, encodeWorkingSet(set));
  return { directory, memory, mib, touchedMib, ...paths };
}

/** Makes the kernel forget the file's pages, and only those. */
export function forget(path: string): void {
  execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });
}

/** Brings the file's data into the page cache; holes would fill it with zeroes. */
export function remember(path: string): void {
  execFileSync('cp', ['--sparse=always', path, '/dev/null'], { stdio: 'ignore' });
}

/** How a stand-in VMM gets its memory. */
export interface SyntheticVm {
  readonly vmm: ChildProcess;
  /** Undefined: it maps the file. */
  readonly pager: PagerHandle | undefined;
}

/**
 * Starts a pager, unless the VMM is to map the file itself, and the VMM; it comes back when the policy wants nothing
 * more before the VM runs. The VMM waits for a line before its first action.
 * @param way `file`, or options of the pager beside those that the guest gives
 */
export async function startSynthetic(
  guest: SyntheticGuest,
  way: 'file' | Partial<PagerOptions>,
  actions: readonly string[],
  options: { readonly socket?: string; readonly process?: PagerProcess | undefined } = {},
): Promise<SyntheticVm> {
  const program = await buildNative(TEST_VMM);
  const socketPath = join(guest.directory, options.socket ?? 'socket');
  let pager: PagerHandle | undefined;
  if (way !== 'file') {
    const wanted = {
      socketPath,
      memoryPath: guest.memory,
      workingSetPath: guest.workingSet,
      ...way,
    };
    pager = options.process?.serve(wanted) ?? spawnPager(wanted);
    await pager.ready;
  }
  // As QEMU does: the library takes the mapping of the file for the pager.
  const preload = {
    LD_PRELOAD: await buildPreload(),
    REKINDLE_UFFD_SOCKET: socketPath,
    REKINDLE_UFFD_RAM: guest.memory,
    ...(way === 'file' || way.sharedPath === undefined
      ? {}
      : { REKINDLE_UFFD_SHARED: way.sharedPath }),
  };
  const args = ['--alarm', '120', '--preload', socketPath, guest.memory, 'wait', ...actions];
  const vmm = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: pager === undefined ? process.env : { ...process.env, ...preload },
  });
  return { vmm, pager };
}

/** Actions of the stand-in VMM that end it: it writes what each touch waited, for `touchWaits`. */
export function tellWaits(guest: SyntheticGuest): string[] {
  return ['latency', latencyFile(guest)];
}

/** Nanoseconds that each touch waited, when the VMM has ended. */
export function touchWaits(guest: SyntheticGuest, vmm: ChildProcess): Promise<BigUint64Array> {
  return new Promise((resolve, reject) => {
    vmm.on('close', (code) => {
      if (code !== 0) reject(new Error(`the stand-in VMM ended with ${code}`));
      else {
        const bytes = readFileSync(latencyFile(guest));
        resolve(new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8));
      }
    });
  });
}

function latencyFile({ directory }: SyntheticGuest): string {
  return join(directory, 'latency');
}
