// SPDX-License-Identifier: Apache-2.0
// The guest in a real VM: init did its work, the service answers correctly, the agent tells of
// mappings, frames and JVM, sets clock and entropy, and powers the machine off.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  AgentClient,
  bootVm,
  type Machine,
  type RestoredVm,
  restoreVm,
  serviceUrl,
  snapshotVm,
} from '@rekindle/microvm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoGuest, isolatedState, leftBehind, NOTHING } from './testing/vms.ts';

const state = isolatedState();
let memoryBytes: number;
const page = 4096;

let machine: Machine;
/** Set once the machine is a clone. */
let restored: RestoredVm | undefined;
let agent: AgentClient;
let pid: number;

async function get(path: string): Promise<string> {
  const answer = await fetch(serviceUrl(machine, { guestPort: 8080, path }));
  expect(answer.status).toBe(200);
  return answer.text();
}

/** Ends the machine; of a clone, its pager too. */
async function end(): Promise<void> {
  agent?.close();
  if (restored) await restored.close();
  else await machine?.kill();
}

beforeAll(async () => {
  const guest = await demoGuest();
  memoryBytes = guest.memoryBytes;
  const booted = await bootVm(
    {
      ...guest,
      name: 'guest',
      commandLine: 'FC_JAVA_OPTIONS="-Drekindle.orders=500 -Xmx96m" overlay_size=64m',
    },
    { probe: { guestPort: 8080, path: '/health' } },
  );
  machine = booted.machine;
  agent = new AgentClient({ socketPath: machine.agent!.socketPath });
  pid = (await agent.javaProcesses())[0]!.pid;
}, 180_000);
afterAll(async () => {
  await end();
  expect(leftBehind(state.directory)).toEqual(NOTHING);
  state.remove();
});

describe('the service', () => {
  it('reports, with a digest that holds', async () => {
    const match = /^\{"service":"rekindle-demo",(.*),"digest":"(\w{64})"\}\n$/.exec(await get('/'));
    expect(
      createHash('sha256')
        .update(match?.[1] ?? '')
        .digest('hex'),
    ).toBe(match?.[2]);
  });

  it('took its options from the kernel command line', async () => {
    expect(JSON.parse(await get('/'))).toMatchObject({ orders: 500 });
    const line = await agent.jcmd(pid, 'VM.command_line');
    expect(line).toMatch(/jvm_args: .*-Drekindle\.orders=500 -Xmx96m/);
  });
});

/** Lines of the mem_mapping text that belong to one process. */
function section(text: string, of: number): string[] {
  const found = text.split(/^(?== )/m).find((part) => part.startsWith(`= ${of} `));
  return found?.trimEnd().split('\n') ?? [];
}

describe('the agent', () => {
  it('maps every process, the kernel and the page cache into the memory of the VM', async () => {
    const text = (await agent.mappings()).toString();
    const java = section(text, pid);
    expect(java[0]).toMatch(/\/java$/);
    const pages = java.filter((line) => line.startsWith('p '));
    // A JVM of this size is resident with some 15 000 pages.
    expect(pages.length).toBeGreaterThan(5000);
    for (const line of pages) {
      const physical = Number(line.split(' ')[2]);
      expect(physical % page).toBe(0);
      expect(physical).toBeLessThan(memoryBytes);
    }
    expect(section(text, 1)[0]).toBe('= 1 /rom/usr/sbin/rekindle-init');
    expect(section(text, 0).length).toBeGreaterThan(1000);
    expect(section(text, -1).length).toBeGreaterThan(1000);
  });

  it('agrees with what the guest’s kernel says of the JVM', async () => {
    const java = section((await agent.mappings()).toString(), pid);
    const heap = /\[(0x\w+) - (0x\w+)\] reserved .*KB for Java Heap/.exec(
      await agent.nativeMemory(pid),
    )!;
    const [start, end] = [Number(heap[1]), Number(heap[2])];
    const inHeap = java.filter((line) => {
      const at = Number(line.split(' ')[1]);
      return line.startsWith('p ') && at >= start && at < end;
    });
    // The committed young generation is touched by now, but not the whole reservation.
    expect(inHeap.length).toBeGreaterThan(100);
    expect(inHeap.length).toBeLessThan((end - start) / page);
  });

  it('tells what every page frame is used for, without a gap', async () => {
    let next = 0;
    for (const line of (await agent.frames()).toString().trimEnd().split('\n')) {
      const [, start, pages] = line.split(' ');
      expect(Number(start)).toBe(next);
      next += Number(pages) * page;
    }
    expect(next).toBeLessThanOrEqual(memoryBytes);
    expect(next).toBeGreaterThan(memoryBytes - 1024 * 1024);
  });

  it('sets the clock to the host’s', async () => {
    await agent.reseed();
    const { realtime } = await agent.clocks();
    expect(Math.abs(Number(realtime / 1_000_000n) - Date.now())).toBeLessThan(2000);
  });

  it('tidies up before a snapshot', async () => {
    const said = await agent.prepareSnapshot();
    expect(said).toContain(`${pid} GC.run done`);
  });
});

describe('clones of one snapshot', () => {
  const snapshot = join(state.directory, 'guest.snapshot');
  const identities: { random: string; wallMillis: number }[] = [];

  /** Restores, reseeds, asks; the machine goes on as `machine`. */
  async function clone(name: string): Promise<void> {
    await end();
    restored = await restoreVm(snapshot, { name, policy: 'on-demand' });
    machine = restored.machine;
    agent = new AgentClient({ socketPath: machine.agent!.socketPath });
    await agent.reseed();
    identities.push(JSON.parse(await get('/identity')) as (typeof identities)[number]);
  }

  it('are told apart by the agent: fresh entropy, the host’s clock', async () => {
    agent.close();
    await snapshotVm(machine, snapshot, { probe: { guestPort: 8080, path: '/health' } });
    await clone('first');
    await clone('second');
    const [first, second] = identities;
    expect(first!.random).not.toBe(second!.random);
    for (const { wallMillis } of identities) {
      expect(Math.abs(wallMillis - Date.now())).toBeLessThan(60_000);
    }
    expect(second!.wallMillis).toBeGreaterThan(first!.wallMillis);
  }, 60_000);

  it('answer as the original did', async () => {
    expect(JSON.parse(await get('/'))).toMatchObject({ orders: 500 });
    expect(await agent.jcmd(pid, 'VM.version')).toContain('OpenJDK');
  });

  it('are powered off by the agent', async () => {
    await agent.powerOff();
    const exit = await machine.exited;
    expect(exit.code).toBe(0);
  }, 30_000);
});
