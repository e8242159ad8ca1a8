// SPDX-License-Identifier: Apache-2.0
// A real guest for benches: a Java service of the repository's, booted, warmed up, saved, and its working set learned.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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

/** Of the demo's service, which is small. */
export const SERVICE: ServiceProbe = {
  guestPort: 8080,
  path: '/',
  accept: (body, status) => status === 200 && body.startsWith('{"service":"rekindle-demo",'),
};

/** The services, small and large: `tomcat` is the largest that the repository builds. */
export const SERVICES = {
  orders: { probe: SERVICE, title: "the demo's service", memoryMiB: 512 },
  tomcat: {
    probe: {
      ...SERVICE,
      accept: (body, status) => status === 200 && /"digest":"[0-9a-f]{64}"/.test(body),
      deadlineMs: 240_000,
    },
    title: 'Spring MVC and JPA in Tomcat',
    memoryMiB: 1024,
  },
} as const satisfies Record<
  string,
  { readonly probe: ServiceProbe; readonly title: string; readonly memoryMiB: number }
>;
export type ServiceName = keyof typeof SERVICES;

export function serviceNamed(name: string): ServiceName {
  if (name in SERVICES) return name as ServiceName;
  throw new Error(`--service: ${Object.keys(SERVICES).join(' or ')}`);
}

export interface GuestOptions {
  readonly service: ServiceName;
  readonly memoryMiB: number;
  /** Requests before the snapshot. */
  readonly warmUp: number;
  /** Recordings that make the working set. */
  readonly recordings: number;
}

export interface VmSnapshot {
  /** Its directory. */
  readonly snapshot: string;
  readonly service: ServiceName;
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
  const kept = join(directory, 'guest.json');
  // A large guest takes minutes to boot: whoever keeps the directory has it at once the next time.
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as VmSnapshot;
  const service = options.service ?? 'orders';
  const { probe, memoryMiB } = SERVICES[service];
  const memoryBytes = (options.memoryMiB ?? memoryMiB) * 1024 * 1024;
  const snapshot = join(directory, 'snapshot');
  const kernel = await ensureKernel();
  const initramfs = await ensureInitramfs({ kernel });
  const image = await ensureImage({ service });
  const { machine } = await bootVm(
    {
      name: 'bench',
      kernel: { path: kernel.path, sha256: kernel.hash },
      initramfs: { path: initramfs.path, sha256: initramfs.hash },
      image: { path: image.path, sha256: image.hash },
      memoryBytes,
      forwards: [{ guestPort: 8080 }],
    },
    { probe },
  );
  for (let request = 0; request < (options.warmUp ?? 50); request++) {
    await (await fetch(serviceUrl(machine, probe))).text();
  }
  const { manifest } = await snapshotVm(machine, snapshot, { after: 'kill', probe });
  const recordings: string[] = [];
  for (let index = 0; index < (options.recordings ?? 3); index++) {
    const record = join(directory, `run-${index}.jfr`);
    const vm = await restoreVm(snapshot, { policy: 'on-demand', record, probe });
    await vm.close();
    recordings.push(record);
  }
  const pages = await learnWorkingSet(snapshot, manifest, recordings);
  const workingSet = join(snapshot, 'working-set');
  const made = { snapshot, service, manifest, workingSet, pages, memoryBytes };
  writeFileSync(kept, JSON.stringify(made));
  return made;
}
