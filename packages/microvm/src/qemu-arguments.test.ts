// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  incomingUri,
  outgoingUri,
  type QemuSetup,
  qemuArguments,
  shellQuote,
} from './qemu-arguments.ts';

const SETUP: QemuSetup = {
  machineType: 'q35',
  accelerator: 'tcg',
  memoryBytes: 512 * 1024 * 1024,
  vcpus: 2,
  files: {
    kernel: { path: '/k/vmlinuz' },
    initramfs: { path: '/k/initramfs' },
    image: { path: '/i/root, one.ext4' },
    commandLine: 'console=ttyS0 quiet',
  },
  endpoints: [
    { guestPort: 8080, host: '127.0.0.1', port: 9000 },
    { guestPort: 22, host: '127.0.0.1', port: 9022 },
  ],
  ram: { path: '/vm/ram', shared: true },
  directory: '/vm',
  incoming: false,
};

/** The value after an option; each option here comes once. */
const after = (args: readonly string[], option: string): string =>
  args[args.indexOf(option) + 1] ?? '';

test('the command line of a booting guest', () => {
  expect(qemuArguments(SETUP).join(' ').replaceAll(' -', '\n-')).toBe(
    `-M q35,memory-backend=mem,usb=off,vmport=off,smbus=off,sata=off
-accel tcg,thread=multi
-cpu max,-la57
-smp 2
-m 524288k
-object memory-backend-file,id=mem,size=536870912,mem-path=/vm/ram,share=on
-kernel /k/vmlinuz
-initrd /k/initramfs
-append console=ttyS0 quiet
-nodefaults
-no-user-config
-display none
-no-reboot
-chardev file,id=console,path=/vm/console.log
-serial chardev:console
-chardev socket,id=agent,path=/vm/agent.sock,server=on,wait=off
-drive id=root,file=/i/root,, one.ext4,format=raw,if=none,readonly=on
-netdev user,id=net0,net=172.16.0.0/24,host=172.16.0.1,hostfwd=tcp:127.0.0.1:9000-172.16.0.2:8080,hostfwd=tcp:127.0.0.1:9022-172.16.0.2:22
-device virtio-serial-pci,id=serial0,max_ports=2,disable-legacy=on
-device virtserialport,bus=serial0.0,nr=1,chardev=agent,name=org.rekindle.agent
-device virtio-blk-pci,drive=root,disable-legacy=on
-device virtio-net-pci,netdev=net0,disable-legacy=on,romfile=
-device virtio-balloon-pci,id=balloon0,disable-legacy=on,deflate-on-oom=on
-chardev socket,id=owner,path=/vm/qmp.sock
-mon owner,mode=control
-qmp unix:/vm/control.sock,server=on,wait=off`,
  );
});

test('a restored guest has the same devices, its RAM private, and waits', () => {
  const incoming = { ...SETUP, ram: { path: '/s/memory', shared: false }, incoming: true };
  const [boot, restore] = [qemuArguments(SETUP), qemuArguments(incoming)];
  expect(after(restore, '-object')).toContain('mem-path=/s/memory,share=off');
  expect(restore.slice(-3)).toEqual(['-incoming', 'defer', '-S']);
  // What only a boot needs would be read and kept by every clone.
  for (const boots of ['-kernel', '-initrd', '-append']) {
    expect([boot.includes(boots), restore.includes(boots)], boots).toEqual([true, false]);
  }
  const devices = (args: string[]) => args.filter((_arg, i) => args[i - 1] === '-device');
  expect(devices(restore)).toEqual(devices(boot));
});

test('nothing but the loopback is ever listened on', () => {
  const forwarded = after(qemuArguments(SETUP), '-netdev').match(/hostfwd=tcp:[^:]*/g);
  expect(new Set(forwarded)).toEqual(new Set(['hostfwd=tcp:127.0.0.1']));
});

test('QEMU itself reads a path with commas as it was meant', () => {
  const directory = mkdtempSync(join(tmpdir(), 'qemu, with=commas-'));
  try {
    const run = spawnSync(
      'qemu-system-x86_64',
      ['-M', 'none', '-display', 'none', '-nodefaults', '-S', '-monitor', 'stdio'].concat([
        '-chardev',
        `file,id=console,path=${join(directory, 'a,b').replaceAll(',', ',,')}`,
      ]),
      { input: 'quit\n', encoding: 'utf8' },
    );
    if (run.error !== undefined) {
      console.log('not run: no QEMU on this host');
      return;
    }
    expect(run.stderr).toBe('');
    expect(readdirSync(directory)).toEqual(['a,b']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a shell reads any quoted path as it was', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      (text) => {
        const said = execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], {
          encoding: 'utf8',
        });
        expect(said).toBe(Buffer.from(text).toString());
      },
    ),
    { numRuns: 40 },
  );
});

test('the state goes through a command before QEMU 8.2, and then has its name only when whole', () => {
  expect(outgoingUri('8.2.0', '/s/state')).toBe('file:/s/state');
  expect(outgoingUri('10.0.2', '/s/state')).toBe('file:/s/state');
  // `file:` cannot take a comma in a path.
  expect(outgoingUri('10.0.2', '/s,1/state')).toMatch(/^exec:/);
  expect(incomingUri('7.2.22', '/s/state', 3)).toBe('fd:3');
  expect(incomingUri('9.0.0', '/s/state', 3)).toBe('file:/s/state');
  const directory = mkdtempSync(join(tmpdir(), "it's "));
  try {
    const path = join(directory, 'state');
    const command = outgoingUri('7.2.22', path).replace(/^exec:/, '');
    execFileSync('sh', ['-c', command], { input: 'device state' });
    expect(readdirSync(directory)).toEqual(['state']);
    expect(readFileSync(path, 'utf8')).toBe('device state');
    // A reader of standard input that fails, as cat does on a full disk.
    execFileSync('sh', ['-c', command.replace('cat >', 'false >').replaceAll('state', 'other')]);
    expect(readdirSync(directory)).toEqual(['state']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
