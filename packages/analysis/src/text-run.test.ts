// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { AnalysisError } from './error.ts';
import { installLog, REMOVED } from './install-log.ts';
import { ZERO } from './run.ts';
import { runFromTexts } from './text-run.ts';

// As fireCRaCer's handler prints it: host address, page, offset in the memory file.
const faultLog = `UFFD_EVENT_PAGEFAULT (r): 0x00007fff00005010 0x00007fff00005000  Loading: 0x0000000000005000 - 0x0000000000006000
UFFD_EVENT_PAGEFAULT (w): 0x00007fff00002000 0x00007fff00002000  Zeroing: 0x0000000000002000 - 0x0000000000003000
UFFD_EVENT_REMOVE: 0x00007fff00004000 - 0x00007fff00006000
UFFD_EVENT_PAGEFAULT (r): 0x00007fff00005000 0x00007fff00005000  Zeroing: 0x0000000000005000 - 0x0000000000006000
`;
const mappings = `= 42 /opt/jdk/bin/java
v 0x00000000f0a00000 0x00000000f2270000
p 0x00000000f0a00000 0x0000000000005000 1 0
= 0 kernel
v 0x0000000000001000 0x0000000000002000 Kernel code
p 0x0000000000001000 0x0000000100000000
`;

describe('a run from the texts of fireCRaCer', () => {
  const run = runFromTexts({ name: 'texts', faultLog, mappings });

  it('has an order and no clock', () => {
    expect(run.timed).toBe(false);
    expect([...run.faults.columns.guestPhysical.values]).toEqual([0x5000, 0x2000, 0x5000]);
    expect(run.faults.columns.action.values[1]).toBe(ZERO);
    expect(run.duration).toBe(3);
  });

  it('puts removals where they happened', () => {
    const log = installLog(run);
    expect([...log.cause].indexOf(REMOVED)).toBe(2);
    expect(log.slot[2]).toBe(4);
    expect(log.pages[2]).toBe(2);
  });

  it('knows the owners', () => {
    const owners = [...run.graph.ownersOf(5)].map((id) => run.graph.owners[id]!.name);
    expect(owners).toContain('java');
  });

  it('works without a mapping', () => {
    expect(runFromTexts({ faultLog }).graph.owners).toEqual([]);
  });

  it('refuses a log without faults, with what to do', () => {
    expect(() => runFromTexts({ faultLog: '' })).toThrow(AnalysisError);
  });
});
