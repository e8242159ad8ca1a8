// SPDX-License-Identifier: Apache-2.0
// The command line of a guest, and nothing else: same input, same arguments. A restored VM must get exactly
// the devices it was saved with, in the same order, hence on the same PCI slots.
import { join } from 'node:path';
import type { Accelerator, Endpoint, GuestFiles } from './engine.ts';

/** Port name of the guest's agent on its virtio-serial bus: /dev/virtio-ports/org.rekindle.agent. */
export const AGENT_PORT = 'org.rekindle.agent';

/** The guest's address in QEMU's user network, and the host's as the guest sees it. */
export const GUEST_ADDRESS = '172.16.0.2';
export const HOST_ADDRESS = '172.16.0.1';

/**
 * What the kernel always gets; `panic=-1 reboot=t` with -no-reboot ends QEMU on a panic at once. `ip=` is the
 * kernel's own notation (nfsroot.rst); where the kernel lacks IP_PNP the guest's init obeys it.
 */
export const BASE_COMMAND_LINE: string = [
  'console=ttyS0 reboot=t panic=-1 mitigations=off norandmaps quiet',
  `ip=${GUEST_ADDRESS}::${HOST_ADDRESS}:255.255.255.0::eth0:off`,
].join(' ');

export interface QemuSetup {
  /** `q35`, or the versioned name a snapshot was made with. */
  readonly machineType: string;
  readonly accelerator: Accelerator;
  readonly memoryBytes: number;
  readonly vcpus: number;
  readonly files: GuestFiles;
  readonly endpoints: readonly Endpoint[];
  /** File behind the guest's RAM. Shared: the guest writes into it; private: it stays as it is. */
  readonly ram: { readonly path: string; readonly shared: boolean };
  /** The VM's state directory, for its sockets and its console. */
  readonly directory: string;
  /** Wait for a migration stream, with the CPUs stopped. */
  readonly incoming: boolean;
}

/** Paths in a VM's state directory. */
export function vmPaths(directory: string): {
  qmp: string;
  control: string;
  agent: string;
  console: string;
  log: string;
} {
  return {
    qmp: join(directory, 'qmp.sock'),
    control: join(directory, 'control.sock'),
    agent: join(directory, 'agent.sock'),
    console: join(directory, 'console.log'),
    log: join(directory, 'vmm.log'),
  };
}

/** The CPU model by accelerator. With five-level paging off, page tables have one shape everywhere. */
export function cpuModel(accelerator: Accelerator): string {
  return accelerator === 'kvm' ? 'host' : 'max,-la57';
}

/** Devices in slot order. */
export function qemuDevices(hasImage: boolean): string[] {
  return [
    // One port beside the console's: each costs two queues, whose pages are touched at every restore.
    'virtio-serial-pci,id=serial0,max_ports=2,disable-legacy=on',
    `virtserialport,bus=serial0.0,nr=1,chardev=agent,name=${AGENT_PORT}`,
    ...(hasImage ? ['virtio-blk-pci,drive=root,disable-legacy=on'] : []),
    'virtio-net-pci,netdev=net0,disable-legacy=on,romfile=',
    'virtio-balloon-pci,id=balloon0,disable-legacy=on,deflate-on-oom=on',
  ];
}

export function qemuArguments(setup: QemuSetup): string[] {
  const paths = vmPaths(setup.directory);
  const { files, ram } = setup;
  const forwards = setup.endpoints
    .map((e) => `,hostfwd=tcp:${e.host}:${e.port}-${GUEST_ADDRESS}:${e.guestPort}`)
    .join('');
  const args = [
    ...['-M', `${setup.machineType},memory-backend=mem,usb=off,vmport=off,smbus=off,sata=off`],
    ...['-accel', setup.accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi'],
    ...['-cpu', cpuModel(setup.accelerator)],
    ...['-smp', String(setup.vcpus)],
    ...['-m', `${setup.memoryBytes / 1024}k`],
    '-object',
    `memory-backend-file,id=mem,size=${setup.memoryBytes},mem-path=${escapeOption(ram.path)},share=${ram.shared ? 'on' : 'off'}`,
    ...(setup.incoming ? [] : bootArguments(files)),
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...[
      '-chardev',
      `file,id=console,path=${escapeOption(paths.console)}`,
      '-serial',
      'chardev:console',
    ],
    ...['-chardev', `socket,id=agent,path=${escapeOption(paths.agent)},server=on,wait=off`],
    ...(files.image === undefined
      ? []
      : [
          '-drive',
          `id=root,file=${escapeOption(files.image.path)},format=raw,if=none,readonly=on`,
        ]),
    ...['-netdev', `user,id=net0,net=172.16.0.0/24,host=${HOST_ADDRESS}${forwards}`],
  ];
  for (const device of qemuDevices(files.image !== undefined)) args.push('-device', device);
  // We listen and QEMU connects: no polling for its socket. The second monitor is for other processes,
  // since a QMP socket serves one client at a time.
  args.push(
    '-chardev',
    `socket,id=owner,path=${escapeOption(paths.qmp)}`,
    '-mon',
    'owner,mode=control',
  );
  args.push('-qmp', `unix:${escapeOption(paths.control)},server=on,wait=off`);
  if (setup.incoming) args.push('-incoming', 'defer', '-S');
  return args;
}

/**
 * A restored guest has booted already, and none boots again (-no-reboot). QEMU would read kernel and initramfs and keep
 * them: 14 MB in every clone. They are no devices, hence not in the state of the VM.
 */
function bootArguments({ kernel, initramfs, commandLine }: GuestFiles): string[] {
  return [
    ...['-kernel', kernel.path],
    ...(initramfs === undefined ? [] : ['-initrd', initramfs.path]),
    ...['-append', commandLine],
  ];
}

/** QEMU's option parser ends a value at a comma; two commas mean one. */
function escapeOption(path: string): string {
  return path.replaceAll(',', ',,');
}

/** Quotes a path for the shell that QEMU starts for `exec:` URIs. */
export function shellQuote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

/**
 * Where QEMU of this version shall write its state. `file:` exists from 8.2 on, `exec:` everywhere. QEMU calls a
 * migration completed before its command has ended, so there the file gets its name only when it is whole,
 * and `.part` goes away when it cannot be.
 */
export function outgoingUri(version: string, path: string): string {
  if (hasFileUri(version, path)) return `file:${path}`;
  const [whole, part] = [shellQuote(path), shellQuote(`${path}.part`)];
  return `exec:cat >${part} && mv ${part} ${whole} || rm -f ${part}`;
}

/** Where it shall read it from; before 8.2 it gets the open file as descriptor `fd`. */
export function incomingUri(version: string, path: string, fd: number): string {
  return hasFileUri(version, path) ? `file:${path}` : `fd:${fd}`;
}

function hasFileUri(version: string, path: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  // What follows a comma is an option of `file:`, and no comma can be escaped.
  return (major > 8 || (major === 8 && minor >= 2)) && !path.includes(',');
}
