// SPDX-License-Identifier: Apache-2.0
// A real guest for benches: the demo's Java service, booted, warmed up, saved, and its working set learned.
import { join } from 'node:path';
import { learnWorkingSet } from '../packages/cli/src/working-set-file.ts';
import {
  bootVm,
  ensureImage,
  ensureInitramfs,
  ensureKernel,
  type Manifest,
  restoreVm,
  type ServiceProbe,
  serviceUrl,
  snapshotVm,
} from '../packages/microvm/src/index.ts';

export const SERVICE: ServiceProbe = {
  guestPort: 8080,
  path: '/',
  accept: (body, status) => status === 200 && body.startsWith('{"service":"rekindle-demo",'),
};

export interface GuestOptions {
  readonly memoryMiB: number;
  /** Requests before the snapshot. */
  readonly warmUp: number;
  /** Recordings that make the working set. */
  readonly recordings: number;
}

export interface VmSnapshot {
  /** Its directory. */
  readonly snapshot: string;
  readonly manifest: Manifest;
  readonly workingSet: string;
  /** In the working set. */
  readonly pages: number;
  readonly memoryBytes: number;
}

/** Boots, snapshots and records it below `directory`, where the state of VMs goes from now on, too. */
export async function answeringGuest(
  directory: string,
  options: Partial<GuestOptions> = {},
): Promise<VmSnapshot> {
  process.env.XDG_STATE_HOME = join(directory, 'state');
  const memoryBytes = (options.memoryMiB ?? 512) * 1024 * 1024;
  const snapshot = join(directory, 'snapshot');
  const kernel = await ensureKernel();
  const initramfs = await ensureInitramfs({ kernel });
  const image = await ensureImage();
  const { machine } = await bootVm(
    {
      name: 'bench',
      kernel: { path: kernel.path, sha256: kernel.hash },
      initramfs: { path: initramfs.path, sha256: initramfs.hash },
      image: { path: image.path, sha256: image.hash },
      memoryBytes,
      forwards: [{ guestPort: 8080 }],
    },
    { probe: SERVICE },
  );
  for (let request = 0; request < (options.warmUp ?? 50); request++) {
    await (await fetch(serviceUrl(machine, SERVICE))).text();
  }
  const { manifest } = await snapshotVm(machine, snapshot, { after: 'kill', probe: SERVICE });
  const recordings: string[] = [];
  for (let index = 0; index < (options.recordings ?? 3); index++) {
    const record = join(directory, `run-${index}.jfr`);
    const vm = await restoreVm(snapshot, { policy: 'on-demand', record, probe: SERVICE });
    await vm.close();
    recordings.push(record);
  }
  const pages = await learnWorkingSet(snapshot, manifest, recordings);
  return { snapshot, manifest, workingSet: join(snapshot, 'working-set'), pages, memoryBytes };
}
