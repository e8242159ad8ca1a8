// SPDX-License-Identifier: Apache-2.0
// A real VM through its whole life, and everything that can go wrong with it. One boot serves all tests.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  AgentClient,
  attachVm,
  type BootedVm,
  bootVm,
  listRecords,
  QemuEngine,
  type RestoredVm,
  recordingVmLog,
  restoreVm,
  type SnapshotTaken,
  serviceUrl,
  snapshotVm,
} from '@rekindle/microvm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { learnWorkingSet } from '../packages/cli/src/working-set-file.ts';
import { killPager } from '../packages/pager/src/testing/guest.ts';
import { failureOf } from './testing/failure.ts';
import {
  demoGuest,
  isolatedState,
  leftBehind,
  NOTHING,
  processesOf,
  SERVICE,
  until,
} from './testing/vms.ts';

const state = isolatedState();
const snapshot = join(state.directory, 'shop.snapshot');
let guest: Awaited<ReturnType<typeof demoGuest>>;
let booted: BootedVm;
let taken: SnapshotTaken;

const accept = SERVICE.accept as NonNullable<typeof SERVICE.accept>;

beforeAll(async () => {
  guest = await demoGuest();
  booted = await bootVm({ ...guest, name: 'shop' }, { probe: SERVICE });
  console.log(`booted: ${JSON.stringify(booted.timings)}, ${booted.machine.accelerator.reason}`);
});

afterAll(async () => {
  await booted?.machine.kill();
  expect(leftBehind(state.directory)).toEqual(NOTHING);
  state.remove();
});

async function answerOf(machine: BootedVm['machine']): Promise<string> {
  return (await fetch(serviceUrl(machine, SERVICE))).text();
}

describe('a running VM', () => {
  test('answers, talks through its agent, tells its figures', async () => {
    expect(booted.answer?.status).toBe(200);
    expect(accept(await answerOf(booted.machine), 200)).toBe(true);
    const agent = new AgentClient({ socketPath: booted.machine.agent?.socketPath ?? '' });
    expect(String(await agent.request('ping'))).toContain('rekindle-agent');
    agent.close();
    const stats = await booted.machine.stats();
    expect(stats).toMatchObject({ running: true, memoryBytes: guest.memoryBytes });
    expect(stats.residentBytes).toBeGreaterThan(100 * 1024 * 1024);
    expect(stats.cpuSeconds).toBeGreaterThan(1);
  });

  test('is found by its name from elsewhere; paused it stays silent, resumed it answers', async () => {
    expect(listRecords().map(({ name }) => name)).toEqual(['shop']);
    const attached = await attachVm('shop');
    await attached.machine.pause();
    expect((await attached.machine.stats()).running).toBe(false);
    const silent = await fetch(serviceUrl(booted.machine, SERVICE), {
      signal: AbortSignal.timeout(300),
    }).catch((error: Error) => error.name);
    expect(silent).toBe('TimeoutError');
    await attached.machine.resume();
    attached.detach();
    expect(accept(await answerOf(booted.machine), 200)).toBe(true);
    expect((await failureOf(attachVm('nobody'))).code).toBe('VM_NOT_FOUND');
  });

  test('gives memory back when asked, and gets it again', async () => {
    const { machine } = booted;
    await machine.setBalloon(448 * 1024 * 1024);
    const memoryBytes = async (): Promise<number> => (await machine.stats()).memoryBytes;
    // The guest gives back a page at a time: on the way down it passes every size.
    await expect.poll(memoryBytes, { timeout: 10_000 }).toBe(448 * 1024 * 1024);
    await machine.setBalloon(guest.memoryBytes);
    await expect.poll(memoryBytes, { timeout: 10_000 }).toBe(guest.memoryBytes);
    expect(accept(await answerOf(machine), 200)).toBe(true);
  });

  test('a name or a port in use is refused; the VM that has it goes on', async () => {
    const name = await failureOf(bootVm({ ...guest, name: 'shop' }));
    expect(name).toMatchObject({
      code: 'VM_EXISTS',
      hint: expect.stringContaining('rekindle kill'),
    });
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const forwards = [{ guestPort: 8080, hostPort: port }];
    const taken = await failureOf(bootVm({ ...guest, name: 'second', forwards }));
    holder.close();
    expect(taken).toMatchObject({ code: 'PORT_TAKEN', place: `127.0.0.1:${port}` });
    expect(readdirSync(join(state.directory, 'rekindle', 'vms'))).toEqual(['shop']);
    expect(accept(await answerOf(booted.machine), 200)).toBe(true);
  });

  test('a disk that runs full under a snapshot: one error, nothing half-made, the VM goes on', async () => {
    const small = join(state.directory, 'small');
    mkdirSync(small);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', small]).status !== 0) {
      console.log('not run: mounting a small file system needs root');
      return;
    }
    try {
      const full = await failureOf(snapshotVm(booted.machine, join(small, 'snapshot')));
      expect(full).toMatchObject({ code: 'DISK_FULL', hint: expect.stringContaining('free') });
      expect(readdirSync(small)).toEqual([]);
      // Full before the first byte: the machine state itself finds no room.
      writeFileSync(join(small, 'ballast'), Buffer.alloc(16 * 1024 * 1024 - 64 * 1024));
      const state = await failureOf(snapshotVm(booted.machine, join(small, 'snapshot')));
      expect(state.code).toBe('DISK_FULL');
      expect(readdirSync(small)).toEqual(['ballast']);
      expect(accept(await answerOf(booted.machine), 200)).toBe(true);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  test('a snapshot of it, and it goes on', async () => {
    taken = await snapshotVm(booted.machine, snapshot, { probe: SERVICE });
    console.log(`snapshot: ${JSON.stringify(taken.timings)}`);
    const { memory } = taken.manifest.files;
    expect(memory.bytes).toBe(guest.memoryBytes);
    expect(memory.dataBytes).toBeGreaterThan(50 * 1024 * 1024);
    expect(memory.dataBytes).toBeLessThan(400 * 1024 * 1024);
    const [digest] = execFileSync('sha256sum', [join(snapshot, 'memory')], {
      encoding: 'utf8',
    }).split(' ');
    expect(digest).toBe(memory.sha256);
    expect(accept(await answerOf(booted.machine), 200)).toBe(true);
    expect((await failureOf(snapshotVm(booted.machine, snapshot))).code).toBe('SNAPSHOT_EXISTS');
    expect(accept(await answerOf(booted.machine), 200)).toBe(true);
    await booted.machine.kill();
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });
});

describe('a snapshot restored', () => {
  let vm: RestoredVm | undefined;
  afterEach(async () => {
    await vm?.close().catch(() => {});
    vm = undefined;
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });

  test('by the VMM itself, on demand, and with the working set of that, answers rightly each time', async () => {
    const onDemand = join(state.directory, 'on-demand.jfr');
    const host = join(state.directory, 'host.jfr');
    const before = execFileSync('sha256sum', [join(snapshot, 'memory')], { encoding: 'utf8' });

    vm = await restoreVm(snapshot, { policy: 'file', accept });
    console.log(`file: ${JSON.stringify(vm.timings)}`);
    expect(accept(vm.answer?.body ?? '', 200)).toBe(true);
    await vm.close();

    const log = recordingVmLog(host);
    vm = await restoreVm(snapshot, { policy: 'on-demand', record: onDemand, accept, log });
    console.log(`on demand: ${JSON.stringify(vm.timings)}`);
    expect(accept(vm.answer?.body ?? '', 200)).toBe(true);
    const demanded = (await vm.close()).pager;
    log.close();
    expect(demanded?.faults).toBeGreaterThan(1000);
    const summary = execFileSync('jfr', ['summary', onDemand], { encoding: 'utf8' });
    expect(Number(/rekindle\.PageFault\s+(\d+)/.exec(summary)?.[1])).toBe(demanded?.faults);
    const phases = execFileSync('jfr', ['print', '--events', 'rekindle.VmPhase', host], {
      encoding: 'utf8',
    });
    for (const phase of ['load', 'resume', 'first-response', 'kill'])
      expect(phases).toContain(`phase = "${phase}"`);

    await learnWorkingSet(snapshot, taken.manifest, [onDemand]);
    vm = await restoreVm(snapshot, { workingSet: join(snapshot, 'working-set'), accept });
    console.log(`prefetched: ${JSON.stringify(vm.timings)}`);
    expect(vm.policy).toBe('prefetch');
    expect(accept(vm.answer?.body ?? '', 200)).toBe(true);
    const prefetched = (await vm.close()).pager;
    expect(prefetched?.prefetched).toBeGreaterThan(1000);
    expect(prefetched?.faults).toBeLessThan((demanded?.faults ?? 0) / 4);

    // Three guests have run on it and written to their memory; the snapshot is what it was.
    expect(execFileSync('sha256sum', [join(snapshot, 'memory')], { encoding: 'utf8' })).toBe(
      before,
    );
  });

  test('paused touches no memory but the queues of its devices', async () => {
    vm = await restoreVm(snapshot, { policy: 'on-demand', paused: true });
    expect((await vm.machine.stats()).running).toBe(false);
    const { pager } = await vm.close();
    expect(pager?.faults).toBeLessThan(40);
  });

  test('on a port that is taken: refused', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as { port: number };
    const error = await failureOf(
      restoreVm(snapshot, { policy: 'on-demand', forwards: [{ guestPort: 8080, hostPort: port }] }),
    );
    holder.close();
    expect(error.code).toBe('PORT_TAKEN');
  });

  test('with a bad working set, without one, or with nowhere to record: refused, nothing begun', async () => {
    const garbage = join(state.directory, 'garbage');
    writeFileSync(garbage, 'not a working set');
    const bad = await failureOf(restoreVm(snapshot, { workingSet: garbage }));
    expect(bad).toMatchObject({ code: 'PAGER_FAILED', message: expect.stringContaining(garbage) });
    expect(leftBehind(state.directory)).toEqual(NOTHING);
    expect((await failureOf(restoreVm(snapshot, { policy: 'prefetch' }))).code).toBe('BAD_SPEC');
    const record = join(state.directory, 'no', 'such', 'run.jfr');
    expect((await failureOf(restoreVm(snapshot, { record }))).code).toBe('BAD_SPEC');
  });

  test('its pager killed: another one takes over, and the service answers', async () => {
    vm = await restoreVm(snapshot, { policy: 'on-demand', accept });
    killPager(vm.pager!);
    await until(() => vm?.pager?.replaced === 1);
    const response = await fetch(serviceUrl(vm.machine, SERVICE));
    expect(accept(await response.text(), response.status)).toBe(true);
    expect((await vm.close()).pager?.reason).toBe('vm-ended');
  });

  test('its pager killed again and again: the VM is ended and the reason told', async () => {
    vm = await restoreVm(snapshot, { policy: 'on-demand', accept });
    const { pager, failed, machine } = vm;
    const failure = failureOf(failed);
    let ended = false;
    void failure.then(() => {
      ended = true;
    });
    let victim = 0;
    await until(() => {
      if (pager && pager.pid !== victim) {
        victim = pager.pid;
        killPager(pager);
      }
      return ended;
    });
    expect((await failure).code).toBe('PAGER_FAILED');
    await machine.exited;
  });

  test.each(['on-demand', 'file'] as const)(
    'QEMU killed in the middle of it (%s): one error, no pager left',
    async (policy) => {
      const restoring = restoreVm(snapshot, { policy, accept, name: 'victim' });
      restoring.catch(() => {});
      await until(() => qemuPid() !== undefined);
      process.kill(qemuPid() as number, 'SIGKILL');
      const error = await failureOf(restoring);
      expect(['VMM_GONE', 'VMM_FAILED'], error.message).toContain(error.code);
      expect(error.message).toContain('SIGKILL');
    },
  );

  test('a preload library that is not loaded: said within the deadline', async () => {
    const engine = new QemuEngine({ preloadLibrary: '/nonexistent/preload.so' });
    const error = await failureOf(
      restoreVm(snapshot, { policy: 'on-demand', engine, handshakeTimeoutMs: 1500 }),
    );
    expect(error).toMatchObject({
      code: 'NO_HANDSHAKE',
      hint: expect.stringContaining('AppArmor'),
    });
  });

  test('without permission for userfaultfd: said, with the way to get it', async () => {
    if (process.getuid?.() !== 0) {
      console.log('not run: taking the permission away needs root');
      return;
    }
    // Root without capabilities, with the device hidden.
    const script = `
      import { restoreVm } from '@rekindle/microvm';
      try { await restoreVm(process.argv[1], { policy: 'on-demand' }); console.log('restored'); process.exit(1); }
      catch (error) { console.log(JSON.stringify({ name: error.name, code: error.code, message: error.message, hint: error.hint })); }
    `;
    const run = spawnSync(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        'if [ -e /dev/userfaultfd ]; then mount --bind /dev/null /dev/userfaultfd; fi; exec setpriv --bounding-set=-all "$@"',
        'sh',
        process.execPath,
        '--input-type=module',
        '-e',
        script,
        snapshot,
      ],
      { encoding: 'utf8', cwd: fileURLToPath(new URL('../packages/microvm', import.meta.url)) },
    );
    const error = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? run.stderr);
    expect(error).toMatchObject({ name: 'MicrovmError', code: 'PERMISSION' });
    expect(error.hint).toContain('vm.unprivileged_userfaultfd=1');
  });

  test('its owner killed outright: VMM and pager die with it, the next listing sweeps the rest', async () => {
    const script = `
      import { restoreVm } from '@rekindle/microvm';
      await restoreVm(process.argv[1], { policy: 'on-demand', name: 'orphan' });
      console.log('up'); setInterval(() => {}, 1000);
    `;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script, snapshot], {
      cwd: fileURLToPath(new URL('../packages/microvm', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => owner.stdout.once('data', resolve));
    expect(listRecords().map(({ name }) => name)).toEqual(['orphan']);
    owner.kill('SIGKILL');
    await until(() => processesOf(state.directory).length === 0);
    expect(listRecords()).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'its owner ended by %s: nothing is left, not even a directory',
    async (signal) => {
      const script = `
      import { restoreVm } from '@rekindle/microvm';
      await restoreVm(process.argv[1], { policy: 'on-demand', name: 'leaving' });
      console.log('up'); setInterval(() => {}, 1000);
    `;
      const owner = spawn(process.execPath, ['--input-type=module', '-e', script, snapshot], {
        cwd: fileURLToPath(new URL('../packages/microvm', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => owner.stdout.once('data', resolve));
      const ended = new Promise((resolve) => owner.once('exit', (_code, how) => resolve(how)));
      owner.kill(signal);
      expect(await ended).toBe(signal);
      await until(() => processesOf(state.directory).length === 0);
    },
  );
});

test('a state directory too deep for a socket is refused before anything is made', async () => {
  const before = process.env.XDG_STATE_HOME;
  const deep = join(state.directory, 'x'.repeat(90));
  process.env.XDG_STATE_HOME = deep;
  try {
    for (const start of [() => bootVm({ ...guest, name: 'deep' }), () => restoreVm(snapshot)]) {
      const error = await failureOf(start());
      expect(error).toMatchObject({
        code: 'SOCKET_PATH_TOO_LONG',
        hint: expect.stringContaining('XDG_STATE_HOME'),
      });
    }
    expect(existsSync(deep)).toBe(false);
  } finally {
    process.env.XDG_STATE_HOME = before;
  }
});

test('a guest that never shows life is started twice, then given up', async () => {
  const watchdog = { marker: /never printed/, deadlineMs: 1500, retries: 1 };
  const start = Date.now();
  const error = await failureOf(bootVm({ ...guest, name: 'mute', watchdog }));
  expect(error.code).toBe('BOOT_HUNG');
  expect(Date.now() - start).toBeGreaterThan(3000);
  expect(leftBehind(state.directory)).toEqual(NOTHING);
});

test('a kernel that finds no root says so through us', async () => {
  const error = await failureOf(
    bootVm({
      name: 'rootless',
      kernel: guest.kernel,
      memoryBytes: 128 << 20,
      watchdog: { marker: /never/, deadlineMs: 30_000, retries: 0 },
    }),
  );
  expect(error).toMatchObject({
    code: 'GUEST_PANIC',
    message: expect.stringContaining('Unable to mount root fs'),
  });
  expect(leftBehind(state.directory)).toEqual(NOTHING);
});

function qemuPid(): number | undefined {
  return processesOf(state.directory).find(
    ({ command }) => command.startsWith('/usr/bin/qemu') || command.startsWith('qemu'),
  )?.pid;
}
