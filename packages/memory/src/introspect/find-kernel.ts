// SPDX-License-Identifier: Apache-2.0
// Finds the kernel in a guest's memory, with nothing to go by but the memory: no symbols, no /proc, no
// code in the guest.
//
// 1. BTF by its magic. The decompressor of a bzImage leaves a partly overwritten copy behind: of all
//    candidates the one that parses to its end and knows task_struct is the kernel's.
// 2. init_task by its name "swapper/0" in a field of 16 bytes, with pid 0 and no mm. Its group_leader
//    points at itself, which tells how far the image's virtual addresses are from physical ones.
// 3. The direct map: init_task.tasks.next points at pid 1 in it. Its base is a multiple of 1 GiB, with
//    and without KASLR (arch/x86/mm/kaslr.c, PUD_SIZE), so that the low 30 bits of the pointer are those
//    of the physical address.
// 4. VMCOREINFO, a text for crash tools (CONFIG_CRASH_CORE, later CONFIG_VMCORE_INFO), by "OSRELEASE=" at
//    the start of a page. Boot took that page from the top of memory: the search begins there.
import { MemoryError } from '../error.ts';
import { BTF_HEADER_BYTES, BTF_MAGIC_WORD, Btf, btfLength } from './btf.ts';
import { GuestKernel } from './guest-kernel.ts';
import type { PhysicalMemory } from './physical-memory.ts';

const SWAP = 0x7061_7773; // "swap"
const OSRE = 0x4552_534f; // "OSRE"
const GIB = 2 ** 30;

export interface FoundKernel {
  readonly kernel: GuestKernel;
  /** Physical address of init_task. */
  readonly initTask: number;
  /** Lines `KEY=value` of VMCOREINFO. */
  readonly vmcoreinfo: ReadonlyMap<string, string>;
}

export function findKernel(memory: PhysicalMemory): FoundKernel {
  let btf: Btf | undefined;
  let reason = '';
  let found: { kernel: GuestKernel; initTask: number } | undefined;
  const names: number[] = [];
  memory.scan(BTF_MAGIC_WORD, SWAP, (word, address) => {
    if (word === SWAP) names.push(address);
    else if (btf === undefined) {
      try {
        btf = btfAt(memory, address);
      } catch (error) {
        if (!(error instanceof MemoryError)) throw error;
        reason = ` (one at 0x${address.toString(16)} is damaged: ${error.message})`;
      }
    }
    // The image has its data behind its types, so most often nothing is looked at twice.
    while (btf !== undefined && found === undefined && names.length > 0) {
      const initTask = names.pop()! - btf.offset('task_struct', 'comm');
      const kernel = kernelByInitTask(memory, btf, initTask);
      if (kernel !== undefined && findDirectMap(kernel, initTask)) found = { kernel, initTask };
    }
    return found !== undefined;
  });
  if (btf === undefined) {
    throw new MemoryError(
      'no-btf',
      `no type information of a Linux kernel in this memory${reason}`,
      {},
      'the guest kernel needs CONFIG_DEBUG_INFO_BTF',
    );
  }
  if (found === undefined) {
    throw new MemoryError(
      'no-kernel',
      'no task "swapper/0" with a process 1 behind it in this memory',
      {},
      'was the guest stopped before its kernel had started init? Only x86-64 is known',
    );
  }
  return { ...found, vmcoreinfo: findVmcoreinfo(memory) };
}

/** The kernel's BTF if it begins here; throws MemoryError where something that looks like it is damaged. */
function btfAt(memory: PhysicalMemory, address: number): Btf | undefined {
  if (!memory.holds(address, BTF_HEADER_BYTES)) return undefined;
  const header = memory.bytes(address, BTF_HEADER_BYTES);
  const length = btfLength(new DataView(header.buffer, header.byteOffset, header.length));
  if (length === undefined || !memory.holds(address, length)) return undefined;
  const btf = new Btf(memory.bytes(address, length));
  // Modules have BTF of their own, without what is the kernel's.
  return btf.has('task_struct', 'comm') ? btf : undefined;
}

function kernelByInitTask(memory: PhysicalMemory, btf: Btf, task: number): GuestKernel | undefined {
  const at = (member: string) => task + btf.offset('task_struct', member);
  if (task < 0 || task % 64 !== 0 || !memory.holds(task, btf.size('task_struct'))) return undefined;
  if (memory.text(at('comm'), 16) !== 'swapper/0') return undefined;
  if (memory.u32(at('pid')) !== 0) return undefined;
  if (memory.u32(at('mm')) !== 0 || memory.u32(at('mm') + 4) !== 0) return undefined;
  const leader = { high: memory.u32(at('group_leader') + 4), low: memory.u32(at('group_leader')) };
  if (leader.high !== 0xffff_ffff || leader.low < 0x8000_0000) return undefined;
  const low = leader.low - task;
  const borrow = Math.ceil(-low / 0x1_0000_0000);
  const delta =
    low >= 0
      ? { high: leader.high, low }
      : { high: leader.high - borrow, low: low + borrow * 0x1_0000_0000 };
  return new GuestKernel(memory, btf, delta);
}

function findDirectMap(kernel: GuestKernel, initTask: number): boolean {
  const { memory, btf } = kernel;
  const tasks = btf.offset('task_struct', 'tasks');
  const pid = btf.offset('task_struct', 'pid');
  const next = { high: memory.u32(initTask + tasks + 4), low: memory.u32(initTask + tasks) };
  for (let physical = next.low % GIB; physical < memory.end; physical += GIB) {
    const task = physical - tasks;
    if (task < 0 || !memory.holds(task, btf.size('task_struct'))) continue;
    if (memory.u32(task + pid) !== 1) continue;
    // The node before pid 1 is that of init_task, in the image.
    if (kernel.follow(physical + 8) !== initTask + tasks) continue;
    const gib = physical - (next.low % GIB);
    const high = next.high - Math.floor(gib / 0x1_0000_0000);
    const low = next.low - (next.low % GIB) - (gib % 0x1_0000_0000);
    kernel.directMap = low >= 0 ? { high, low } : { high: high - 1, low: low + 0x1_0000_0000 };
    return true;
  }
  return false;
}

function findVmcoreinfo(memory: PhysicalMemory): ReadonlyMap<string, string> {
  let lines: string[] | undefined;
  memory.scanPages(OSRE, (address) => {
    const text = memory.text(address, 4096);
    if (!text.startsWith('OSRELEASE=') || !text.includes('\nSYMBOL(mem_section)=')) return false;
    lines = text.split('\n').filter((line) => line.includes('='));
    return true;
  });
  if (lines === undefined) {
    throw new MemoryError(
      'no-kernel',
      'no VMCOREINFO in this memory',
      {},
      'the guest kernel needs CONFIG_CRASH_CORE, in newer ones CONFIG_VMCORE_INFO',
    );
  }
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
