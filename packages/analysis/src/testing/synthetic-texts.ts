// SPDX-License-Identifier: Apache-2.0
// A run as the three texts of fireCRaCer. The formats are drawn in `@rekindle/memory`; these writers know
// nothing of its parsers.
import { PAGE_BYTES } from '@rekindle/memory';
import { type Run, ZERO } from '../run.ts';

/** Where the handler's process has the guest's memory mapped. */
const HOST = 0x7fff_b000_0000;

export interface Texts {
  readonly mappings: string;
  readonly faultLog: string;
  readonly nativeMemory: string;
}

/** The texts of a run that has a capture with one JVM. */
export function textsOf(run: Run): Texts {
  return {
    mappings: mappingsOf(run),
    faultLog: faultLogOf(run),
    nativeMemory: nativeMemoryOf(run),
  };
}

/** As C prints `%#018lx`: 0 is eighteen zeros without 0x. */
function hex(value: number): string {
  return value === 0 ? '0'.repeat(18) : `0x${value.toString(16).padStart(16, '0')}`;
}

function mappingsOf(run: Run): string {
  const { processes, mappings, runs, frames } = run.memory!;
  const lines: string[] = [];
  processes.forEach(({ pid, executable }, process) => {
    lines.push(`= ${pid} ${executable}`);
    for (let mapping = 0; mapping < mappings.length; mapping++) {
      if (mappings.process[mapping] !== process) continue;
      const name = mappings.names[mappings.name[mapping]!]!;
      const range = `${hex(mappings.start[mapping]!)} ${hex(mappings.end[mapping]!)}`;
      lines.push(`v ${range}${name === '' ? '' : ` ${name}`}`);
      for (let at = 0; at < runs.length; at++) {
        if (runs.mapping[at] !== mapping) continue;
        for (let page = 0; page < runs.pages[at]! * PAGE_BYTES; page += PAGE_BYTES) {
          const [virtual, physical] = [runs.virtual[at]! + page, runs.guestPhysical[at]! + page];
          lines.push(
            `p ${hex(virtual)} ${hex(physical)} ${runs.flags[at]! & 1} ${runs.flags[at]! >> 1}`,
          );
        }
      }
    }
  });
  const kernel = run.graph.owners.find(({ kind }) => kind === 'kernel');
  const text = run.graph.owners.find(({ name }) => name === 'Kernel code');
  if (kernel !== undefined && text !== undefined) {
    const slots = run.graph.slotsOf(text.id);
    const [first, last] = [slots[0]! * PAGE_BYTES, (slots.at(-1)! + 1) * PAGE_BYTES];
    lines.push('= 0 kernel', `v ${hex(first)} ${hex(last)} Kernel code`);
    for (const slot of slots) lines.push(`p ${hex(slot * PAGE_BYTES)} 0x0000000100000000`);
  }
  lines.push('= -1 pagecache', `v ${hex(0)} ${hex(frames.count * PAGE_BYTES)} /proc/kpageflags`);
  const cache = run.graph.owners.find(({ kind }) => kind === 'page cache');
  for (const slot of cache === undefined ? [] : run.graph.slotsOf(cache.id)) {
    lines.push(`p ${hex(slot * PAGE_BYTES)} 0x0000000400000868`);
  }
  return `${lines.join('\n')}\n`;
}

function faultLogOf(run: Run): string {
  const { guestPhysical, action, write } = run.faults.columns;
  const lines = Array.from(guestPhysical.values, (address, row) => {
    const page = hex(HOST + address);
    const what = action.values[row] === ZERO ? 'Zeroing' : 'Loading';
    const access = write.values[row] === 1 ? 'w' : 'r';
    const range = `${hex(address)} - ${hex(address + PAGE_BYTES)}`;
    return `UFFD_EVENT_PAGEFAULT (${access}): ${page} ${page}  ${what}: ${range}`;
  });
  return `${lines.join('\n')}\n`;
}

function nativeMemoryOf(run: Run): string {
  const jvm = run.memory!.jvms[0]!;
  const { length, start, end, area, areas, committed } = jvm.regions;
  const lines = [`${jvm.pid}:`, '', 'Native Memory Tracking:', '', 'Virtual memory map:', ''];
  for (let i = 0; i < length; i++) {
    const range = `[${hex(start[i]!)} - ${hex(end[i]!)}]`;
    const bytes = `${committed[i]! / 1024}KB`;
    lines.push(`${range} reserved ${bytes} for ${areas[area[i]!]} from`);
    lines.push(`    [0x00007ff863d1a27c] ReservedSpace::reserve(unsigned long)+0xac`, '');
    lines.push(`\t${range} committed ${bytes} from`, '');
  }
  return `${lines.join('\n')}\nDetails:\n`;
}
