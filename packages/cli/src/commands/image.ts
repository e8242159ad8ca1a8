// SPDX-License-Identifier: Apache-2.0
import { ensureImage, listCache } from '@rekindle/microvm';
import { Command, InvalidArgumentError } from 'commander';
import { withBuildProgress } from '../build-progress.ts';
import { formatBytes, printJson, printTable } from '../output.ts';

interface BuildFlags {
  readonly package: readonly string[];
  readonly service: string;
  readonly spare?: number;
  readonly json?: true;
}

export function imageCommand(): Command {
  return new Command('image')
    .description(
      'Root images: the host’s distribution, a headless JRE, our init, agent and service',
    )
    .addHelpText('after', '\nExample:\n  rekindle image build')
    .addCommand(buildCommand())
    .addCommand(listCommand());
}

const collect = (value: string, previous: readonly string[]): readonly string[] => [
  ...previous,
  value,
];

function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('must be a whole number of MiB.');
  return Number(text);
}

function buildCommand(): Command {
  return new Command('build')
    .description('Build the root image, or find it in the cache')
    .option('--service <name>', 'what the guest runs: orders, tomcat', 'orders')
    .option('--package <name>', 'one more package of the distribution (repeatable)', collect, [])
    .option('--spare <MiB>', 'free space in the file system, for a root mounted read-write', whole)
    .option('--json', 'the result as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle image build --service tomcat')
    .action(async (flags: BuildFlags) => {
      const image = await withBuildProgress(
        (onProgress) =>
          ensureImage({
            onProgress,
            service: flags.service,
            packages: flags.package,
            ...(flags.spare === undefined ? {} : { spareMiB: flags.spare }),
          }),
        flags.json,
      );
      if (flags.json) return printJson(image);
      const how = image.reused ? 'from the cache' : `built in ${image.seconds.toFixed(1)} s`;
      process.stdout.write(`${image.path}\n`);
      process.stdout.write(
        `${image.service} on ${image.distribution}, ${image.java}, ${formatBytes(image.bytes)}, ${how}\n`,
      );
      process.stdout.write(`sha256 ${image.hash}\n`);
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('The root images in the cache, newest first')
    .option('--json', 'as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle image list --json')
    .action(async (flags: { json?: true }) => {
      const images = (await listCache('image')).map(({ directory, record }) => ({
        path: `${directory}/root.ext4`,
        service: (record.facts as { service: string } | null)?.service ?? 'unknown',
        hash: record.files['root.ext4']?.sha256 ?? '',
        bytes: record.files['root.ext4']?.bytes ?? 0,
        created: record.created,
        seconds: record.seconds,
      }));
      if (flags.json) return printJson(images);
      printTable(
        ['created', 'service', 'size', 'sha256', 'path'],
        images.map(({ created, service, bytes, hash, path }) => [
          created.slice(0, 19).replace('T', ' '),
          service,
          formatBytes(bytes),
          hash.slice(0, 12),
          path,
        ]),
        [2],
      );
    });
}
