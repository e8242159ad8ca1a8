// SPDX-License-Identifier: Apache-2.0
// The Firecracker engine against a stand-in that judges each request by Firecracker's own API description. No
// guest runs here: what the requests lead to is Firecracker's affair, that they are right is ours.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attachVm } from './attach.ts';
import type { BootSpec, Machine } from './engine.ts';
import { FirecrackerEngine, type FirecrackerOptions } from './firecracker.ts';
import { monotonicNow, NO_LOG, type VmLog } from './log.ts';
import { restoreVm } from './restore.ts';
import { openSnapshot } from './snapshot-read.ts';
import { claimDirectory, listRecords, stateRoot } from './state-directory.ts';
import { snapshotVm } from './vm.ts';

const FAKE = fileURLToPath(new URL('./testing/fake-firecracker.mjs', import.meta.url));
const before = process.env.XDG_STATE_HOME;

let root: string;
let spec: BootSpec;
let options: FirecrackerOptions;
let machine: Machine | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fc-'));
  process.env.XDG_STATE_HOME = root;
  process.env.FAKE_LOG = join(root, 'requests');
  writeFileSync(
    join(root, 'firecracker'),
    `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`,
  );
  chmodSync(join(root, 'firecracker'), 0o755);
  writeFileSync(join(root, 'vmlinux'), '\x7fELF kernel');
  writeFileSync(join(root, 'root.ext4'), 'an image');
  writeFileSync(join(root, 'kvm'), '');
  options = {
    binary: join(root, 'firecracker'),
    device: join(root, 'kvm'),
    network: { tap: 'tap0', hostAddress: '172.16.0.1', guestAddress: '172.16.0.2' },
  };
  spec = {
    name: 'shop',
    kernel: { path: join(root, 'vmlinux') },
    image: { path: join(root, 'root.ext4') },
    memoryBytes: 64 << 20,
    vcpus: 2,
    forwards: [{ guestPort: 8080 }],
  };
});

afterEach(async () => {
  await machine?.kill();
  machine = undefined;
  for (const name of ['FAKE_LOG', 'FAKE_VERSION', 'FAKE_FAULT']) delete process.env[name];
  if (before === undefined) delete process.env.XDG_STATE_HOME;
  else process.env.XDG_STATE_HOME = before;
  rmSync(root, { recursive: true });
});

interface Request {
  readonly what: string;
  readonly body: Record<string, unknown>;
  readonly judged: string;
  readonly refusal?: string;
}

function requests(): Request[] {
  return readFileSync(join(root, 'requests'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Request);
}

test('a boot is the requests that Firecracker’s description allows, in an order it takes', async () => {
  machine = await new FirecrackerEngine(options).boot(spec);
  const made = requests().filter(({ what }) => what !== 'GET /');
  expect(made.map(({ judged }) => judged)).toEqual(made.map(() => 'ok'));
  expect(made.map(({ what }) => what)).toEqual([
    'PUT /machine-config',
    'PUT /boot-source',
    'PUT /drives/rootfs',
    'PUT /network-interfaces/eth0',
    'PUT /vsock',
    'PUT /balloon',
    'PUT /actions',
  ]);
  expect(made[0]?.body).toEqual({ vcpu_count: 2, mem_size_mib: 64 });
  expect(made[1]?.body.boot_args).toContain('ip=172.16.0.2::172.16.0.1:255.255.255.0::eth0:off');
  expect(machine.endpoints).toEqual([{ guestPort: 8080, host: '172.16.0.2', port: 8080 }]);
  expect(machine.agent).toMatchObject({ transport: 'vsock', port: 5252 });
  expect(machine.identity).toMatchObject({ engine: 'firecracker', engineVersion: '1.16.1' });
  expect(listRecords().map(({ name }) => name)).toEqual(['shop']);
});

test('pause, snapshot with holes, restore from the file, as a life of one VM', async () => {
  const engine = new FirecrackerEngine(options);
  machine = await engine.boot(spec);
  const directory = join(root, 'shop.snapshot');
  const { manifest } = await snapshotVm(machine, directory, { after: 'kill' });
  expect(manifest.machine).toMatchObject({ engine: 'firecracker', machineType: 'firecracker' });
  // 64 MiB, every hundredth page of them with something in it.
  expect(manifest.files.memory).toMatchObject({ bytes: 64 << 20, dataBytes: 164 * 4096 });
  expect(existsSync(join(directory, 'memory.dense'))).toBe(false);

  const vm = await restoreVm(directory, { name: 'again', policy: 'file', engine });
  machine = vm.machine;
  expect(await machine.stats()).toMatchObject({ running: true, memoryBytes: 64 << 20 });
  const load = requests().find(({ what }) => what === 'PUT /snapshot/load');
  expect(load).toMatchObject({
    judged: 'ok',
    body: {
      mem_backend: { backend_type: 'File', backend_path: join(directory, 'memory') },
      resume_vm: false,
      network_overrides: [{ iface_id: 'eth0', host_dev_name: 'tap0' }],
      vsock_override: { uds_path: join(stateRoot(), 'again', 'agent.sock') },
    },
  });
  expect(requests().at(-3)).toMatchObject({ what: 'PATCH /vm', body: { state: 'Resumed' } });

  const attached = await attachVm('again');
  await attached.machine.setBalloon(48 << 20);
  expect((await attached.machine.stats()).memoryBytes).toBe(48 << 20);
  await attached.machine.kill();
  attached.detach();
  await machine.exited;
  expect(listRecords()).toEqual([]);
});

test('for a pager the load names its socket, by the words of the API', async () => {
  const engine = new FirecrackerEngine(options);
  machine = await engine.boot(spec);
  await machine.pause();
  const files = { state: join(root, 'state'), memory: join(root, 'memory') };
  await machine.snapshot(files);
  const { identity } = machine;
  await machine.kill();
  machine = await engine.restore(
    {
      name: 'paged',
      directory: claimDirectory('paged'),
      identity,
      files: machine.files,
      ...files,
      forwards: [],
    },
    { kind: 'userfaultfd', socketPath: '/run/pager.sock' },
  );
  expect(requests().at(-1)).toMatchObject({
    what: 'PUT /snapshot/load',
    judged: 'ok',
    body: { mem_backend: { backend_type: 'Uffd', backend_path: '/run/pager.sock' } },
  });
});

test('two files of fireCRaCer without a manifest are restored as they are', async () => {
  const engine = new FirecrackerEngine(options);
  machine = await engine.boot(spec);
  await machine.pause();
  await machine.snapshot({ state: join(root, 'snapshot_file'), memory: join(root, 'mem_file') });
  await machine.kill();
  expect(openSnapshot(root).kind).toBe('bare');
  const vm = await restoreVm(root, { name: 'bare', policy: 'file', engine });
  machine = vm.machine;
  expect(vm.manifest).toBeUndefined();
  expect((await machine.stats()).running).toBe(true);
});

test('a refusal carries Firecracker’s words, and every request is written down', async () => {
  const seen: unknown[] = [];
  const log: VmLog = {
    ...NO_LOG,
    request: (...all) => void seen.push(all.filter((one) => typeof one !== 'bigint')),
  };
  const started = monotonicNow();
  machine = await new FirecrackerEngine({ ...options, log }).boot(spec);
  await expect(
    machine.snapshot({ state: join(root, 's'), memory: join(root, 'm') }),
  ).rejects.toMatchObject({ code: 'VMM_REFUSED', hint: 'pause it first' });
  await machine.pause();
  await expect(machine.setBalloon(Number.NaN)).rejects.toMatchObject({
    code: 'VMM_REFUSED',
    message: expect.stringContaining('PATCH /balloon: body.amount_mib: invalid type'),
  });
  expect(seen).toContainEqual(['shop', 'PATCH', '/vm', 204, undefined]);
  expect(seen.at(-1)).toEqual([
    'shop',
    'PATCH',
    '/balloon',
    400,
    expect.stringContaining('amount_mib'),
  ]);
  expect(monotonicNow()).toBeGreaterThan(started);
});

test.each([
  ['a kernel that is no ELF', () => ({ kernel: { path: FAKE } }), 'BAD_SPEC', /uncompressed/],
  [
    'a host port',
    () => ({ forwards: [{ guestPort: 80, hostPort: 81 }] }),
    'BAD_SPEC',
    /forwards no ports/,
  ],
])('%s is refused before anything starts', async (_what, change, code, message) => {
  const engine = new FirecrackerEngine(options);
  await expect(engine.boot({ ...spec, ...change() })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(listRecords()).toEqual([]);
  expect(existsSync(join(root, 'requests'))).toBe(false);
});

test.each(['PUT /machine-config', 'PUT /actions'])(
  'Firecracker dying at %s: one error, nothing left',
  async (fault) => {
    process.env.FAKE_FAULT = fault;
    await expect(new FirecrackerEngine(options).boot(spec)).rejects.toMatchObject({
      code: 'VMM_GONE',
    });
    expect(listRecords()).toEqual([]);
    expect(existsSync(join(stateRoot(), 'shop'))).toBe(false);
  },
);

test('a snapshot of another version is foreign; without Firecracker its snapshot is, too', async () => {
  const engine = new FirecrackerEngine(options);
  machine = await engine.boot(spec);
  const directory = join(root, 'shop.snapshot');
  await snapshotVm(machine, directory, { after: 'kill' });
  process.env.FAKE_VERSION = '1.12.0';
  await expect(restoreVm(directory, { name: 'old', policy: 'file', engine })).rejects.toMatchObject(
    {
      code: 'SNAPSHOT_FOREIGN',
      message: expect.stringContaining('1.16.1'),
    },
  );
  const path = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    await expect(restoreVm(directory, { policy: 'file' })).rejects.toMatchObject({
      code: 'SNAPSHOT_FOREIGN',
      message: expect.stringContaining('not installed'),
    });
  } finally {
    process.env.PATH = path;
  }
  expect(listRecords()).toEqual([]);
});

test('what is missing is said by the probe', async () => {
  expect(await new FirecrackerEngine(options).probe()).toMatchObject({
    available: true,
    version: '1.16.1',
  });
  const device = join(root, 'none');
  expect(await new FirecrackerEngine({ ...options, device }).probe()).toMatchObject({
    available: false,
    problem: expect.stringContaining('may not be opened'),
  });
  expect(await new FirecrackerEngine({ ...options, binary: '/no/such' }).probe()).toMatchObject({
    available: false,
    problem: expect.stringContaining('not installed'),
  });
});
