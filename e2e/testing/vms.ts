// SPDX-License-Identifier: Apache-2.0
// What the VM tests share: a state directory of their own, the guest of the demo, and the question whether
// anything was left behind.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BootSpec,
  ensureImage,
  ensureInitramfs,
  ensureKernel,
  type ServiceProbe,
} from '@rekindle/microvm';
import { buildPreload } from '@rekindle/pager';

/** A directory that is also the state home of everything started from here on. */
export function isolatedState(): { directory: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'rk-'));
  const before = process.env.XDG_STATE_HOME;
  process.env.XDG_STATE_HOME = directory;
  return {
    directory,
    remove: () => {
      if (before === undefined) delete process.env.XDG_STATE_HOME;
      else process.env.XDG_STATE_HOME = before;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Processes whose command line or environment names the directory, but for this one. */
export function processesOf(directory: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command.includes(directory)) found.push({ pid, command });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** What is left of VMs: processes and state directories. Both must be empty. */
export function leftBehind(directory: string): { processes: string[]; directories: string[] } {
  const vms = join(directory, 'rekindle', 'vms');
  return {
    processes: processesOf(directory).map(({ command }) => command.slice(0, 200)),
    directories: existsSync(vms) ? readdirSync(vms) : [],
  };
}

export const NOTHING: ReturnType<typeof leftBehind> = { processes: [], directories: [] };

/** The demo's guest: what to boot, without a name. Builds what the cache lacks. */
export async function demoGuest(): Promise<Omit<BootSpec, 'name'>> {
  const kernel = await ensureKernel();
  const initramfs = await ensureInitramfs({ kernel });
  const image = await ensureImage();
  await buildPreload();
  return {
    kernel: { path: kernel.path, sha256: kernel.hash },
    initramfs: { path: initramfs.path, sha256: initramfs.hash },
    image: { path: image.path, sha256: image.hash },
    memoryBytes: 512 * 1024 * 1024,
    forwards: [{ guestPort: 8080 }],
  };
}

/** The demo's service answers with twenty thousand orders. */
export const SERVICE: ServiceProbe = {
  guestPort: 8080,
  path: '/',
  accept: (body, status) => status === 200 && body.startsWith('{"service":"rekindle-demo",'),
};

/** Waits until `condition` holds; a test that waits longer than `ms` has failed. */
export async function until(condition: () => boolean, ms = 5000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
