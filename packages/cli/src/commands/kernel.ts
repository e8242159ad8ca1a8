// SPDX-License-Identifier: Apache-2.0
import { ensureInitramfs, ensureKernel, listCache } from '@rekindle/microvm';
import { Command } from 'commander';
import { withBuildProgress } from '../build-progress.ts';
import { formatBytes, printJson, printTable } from '../output.ts';

interface FetchFlags {
  readonly package?: string;
  readonly json?: true;
}

export function kernelCommand(): Command {
  return new Command('kernel')
    .description('Guest kernels: the distribution’s own, unpacked but not installed')
    .addHelpText('after', '\nExample:\n  rekindle kernel fetch')
    .addCommand(fetchCommand())
    .addCommand(listCommand());
}

function fetchCommand(): Command {
  return new Command('fetch')
    .description('Download the guest kernel and write its initramfs, or find them in the cache')
    .option('--package <name>', 'another kernel package of the distribution')
    .option('--json', 'the result as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle kernel fetch --package linux-image-amd64')
    .action(async (flags: FetchFlags) => {
      const { kernel, initramfs } = await withBuildProgress(async (onProgress) => {
        const named = flags.package === undefined ? {} : { package: flags.package };
        const found = await ensureKernel({ onProgress, ...named });
        return { kernel: found, initramfs: await ensureInitramfs({ onProgress, kernel: found }) };
      }, flags.json);
      if (flags.json) return printJson({ ...kernel, initramfs });
      const how = kernel.reused ? 'from the cache' : `fetched in ${kernel.seconds.toFixed(1)} s`;
      process.stdout.write(`${kernel.path}\n${initramfs.path}\n`);
      process.stdout.write(`${kernel.package}, ${kernel.modules.length} modules, ${how}\n`);
      process.stdout.write(`sha256 ${kernel.hash}\n`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('The guest kernels in the cache, newest first')
    .option('--json', 'as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle kernel list')
    .action(async (flags: { json?: true }) => {
      const kernels = (await listCache('kernel')).map(({ directory, record }) => ({
        path: `${directory}/vmlinuz`,
        hash: record.files.vmlinuz?.sha256 ?? '',
        bytes: record.files.vmlinuz?.bytes ?? 0,
        release: (record.facts as { release: string }).release,
        created: record.created,
      }));
      if (flags.json) return printJson(kernels);
      printTable(
        ['release', 'size', 'sha256', 'path'],
        kernels.map(({ release, bytes, hash, path }) => [
          release,
          formatBytes(bytes),
          hash.slice(0, 12),
          path,
        ]),
        [1],
      );
    });
}
