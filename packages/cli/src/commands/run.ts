// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import {
  type Accelerator,
  bootVm,
  checkMachineSize,
  chooseEngine,
  type EngineName,
  ensureImage,
  ensureInitramfs,
  ensureKernel,
  type GuestFile,
  type PortForward,
} from '@rekindle/microvm';
import { Command } from 'commander';
import { withBuildProgress } from '../build-progress.ts';
import { formatMillis, Progress, printJson } from '../output.ts';
import { vmFigures } from '../vm-figures.ts';
import { httpPath, MIB, oneOf, positive, publish, tapNetwork } from '../vm-options.ts';
import {
  announce,
  asOwner,
  isDetachedOwner,
  startDetached,
  unexpectedEnd,
  untilEnd,
} from '../vm-owner.ts';

interface RunFlags {
  readonly kernel?: string;
  readonly initramfs?: string;
  readonly image?: string;
  readonly memory: number;
  readonly vcpus: number;
  readonly publish?: readonly PortForward[];
  readonly append?: string;
  readonly engine: EngineName | 'auto';
  readonly tap?: string;
  readonly accel: Accelerator | 'auto';
  readonly probe: string | false;
  readonly wait: number;
  readonly detach?: true;
  readonly json?: true;
}

/** Booting a VM and owning it until it ends. */
export function runCommand(): Command {
  return new Command('run')
    .description('Boot a VM and keep it until Ctrl-C; without --image the demo’s Java service')
    .argument('[name]', 'what to call it', `vm-${process.pid}`)
    .option('--kernel <file>', 'guest kernel; default: the distribution’s own')
    .option('--initramfs <file>', 'initramfs; default: the one that goes with the kernel')
    .option('--image <file>', 'root image (ext4), attached read-only; default: the built-in one')
    .option('--memory <MiB>', 'memory of the guest', positive, 512)
    .option('--vcpus <n>', 'virtual CPUs', positive, 1)
    .option('-p, --publish <[host:]guest>', 'make a TCP port reachable on 127.0.0.1', publish)
    .option('--append <words>', 'more words for the kernel command line')
    .option(
      '--engine <name>',
      'auto, qemu or firecracker',
      oneOf(['auto', 'qemu', 'firecracker']),
      'auto',
    )
    .option(
      '--tap <device>',
      'tap device for Firecracker; the guest is 172.16.0.2, the host 172.16.0.1',
    )
    .option('--accel <kind>', 'auto, kvm or tcg', oneOf(['auto', 'kvm', 'tcg']), 'auto')
    .option('--probe <path>', 'what to ask over HTTP to know that it is up', httpPath, '/')
    .option('--no-probe', 'do not wait for an HTTP answer')
    .option('--wait <seconds>', 'longest wait for the first answer', positive, 120)
    .option('-d, --detach', 'come back when it is up; rekindle kill ends it')
    .option('--json', 'one JSON object on stdout when it is up')
    .addHelpText(
      'after',
      '\nExample:\n  rekindle run shop -p 9000:8080 --detach && curl http://127.0.0.1:9000/',
    )
    .action((name: string, flags: RunFlags) => run(name, flags));
}

async function run(name: string, flags: RunFlags): Promise<void> {
  if (flags.detach && !isDetachedOwner()) {
    // The owner boots silently; what is slow the first time is shown here.
    await guestFiles(flags);
    const progress = new Progress(flags.json);
    progress.start(`boot ${name}`);
    try {
      const figures = (await startDetached([...process.argv.slice(2)])) as RunFigures;
      progress.done();
      show(figures, flags);
    } catch (error) {
      progress.stop();
      throw error;
    }
    return;
  }
  await asOwner(() => own(name, flags));
}

async function own(name: string, flags: RunFlags): Promise<void> {
  const forwards = flags.publish ?? [{ guestPort: 8080 }];
  const size = { name, memoryBytes: flags.memory * MIB, vcpus: flags.vcpus, forwards };
  checkMachineSize(size);
  const files = await guestFiles(flags);
  const port = forwards[0]?.guestPort;
  const progress = new Progress(flags.json || isDetachedOwner());
  const { engine, reason } = await chooseEngine({
    wanted: flags.engine,
    kernel: files.kernel.path,
    network: tapNetwork(flags.tap),
  });
  progress.start(`boot ${name}`);
  const { machine, timings } = await bootVm(
    {
      ...files,
      ...size,
      commandLine: flags.append,
      accelerator: flags.accel,
    },
    {
      engine,
      probe:
        flags.probe === false || port === undefined
          ? undefined
          : { guestPort: port, path: flags.probe, deadlineMs: flags.wait * 1000 },
    },
  ).catch((error: unknown) => {
    progress.stop();
    throw error;
  });
  progress.done();
  const figures: RunFigures = { ...vmFigures(machine), engineReason: reason, timings };
  if (isDetachedOwner()) announce(figures);
  else show(figures, flags);
  const end = await untilEnd(machine);
  const problem = unexpectedEnd(end === 'interrupted' ? end : end[0]!);
  await machine.kill();
  if (problem !== undefined) throw new Error(problem);
}

type RunFigures = ReturnType<typeof vmFigures> & {
  readonly engineReason: string;
  readonly timings: { readonly consoleMs: number; readonly firstAnswerMs: number | undefined };
};

function show(figures: RunFigures, flags: RunFlags): void {
  if (flags.json) {
    printJson(figures);
    return;
  }
  const { timings } = figures;
  const lines = [
    `${figures.name}: ${figures.engine}, ${figures.reason}`,
    `first sign of life after ${formatMillis(timings.consoleMs)}${
      timings.firstAnswerMs === undefined
        ? ''
        : `, first answer after ${formatMillis(timings.firstAnswerMs)}`
    }`,
    ...figures.addresses,
    flags.detach ? `end it with: rekindle kill ${figures.name}` : 'Ctrl-C ends it',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** What to boot: the files named, the rest from the cache or newly made. */
async function guestFiles(
  flags: RunFlags,
): Promise<{ kernel: GuestFile; initramfs?: GuestFile; image?: GuestFile }> {
  if (flags.kernel !== undefined) {
    // A kernel of one's own brings its own initramfs and image, or none.
    return {
      kernel: { path: resolve(flags.kernel) },
      ...(flags.initramfs === undefined ? {} : { initramfs: { path: resolve(flags.initramfs) } }),
      ...(flags.image === undefined ? {} : { image: { path: resolve(flags.image) } }),
    };
  }
  return withBuildProgress(async (onProgress) => {
    const kernel = await ensureKernel({ onProgress });
    const initramfs =
      flags.initramfs === undefined ? await ensureInitramfs({ onProgress, kernel }) : undefined;
    const image = flags.image === undefined ? await ensureImage({ onProgress }) : undefined;
    return {
      kernel: { path: kernel.path, sha256: kernel.hash },
      initramfs: initramfs
        ? { path: initramfs.path, sha256: initramfs.hash }
        : { path: resolve(flags.initramfs as string) },
      image: image
        ? { path: image.path, sha256: image.hash }
        : { path: resolve(flags.image as string) },
    };
  }, flags.json);
}
