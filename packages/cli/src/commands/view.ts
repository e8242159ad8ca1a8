// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { FileError } from '../file-error.ts';
import { showRuns } from '../show-runs.ts';

interface ViewFlags {
  readonly port: number;
  readonly open?: true;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('must be a port, 0 to 65535.');
}

export function viewCommand(): Command {
  return new Command('view')
    .description('Show memory and time of restores in the browser')
    .argument(
      '<files...>',
      'recordings (RUN.jfr ...), or fireCRaCer’s texts together: MAPPINGS UFFD_LOG [NMT], in any order',
    )
    .option('--port <port>', 'loopback port; 0 takes a free one', portNumber, 0)
    .option('--open', 'open the page in the default browser too')
    .addHelpText(
      'after',
      '\nExamples:\n  rekindle view demo/run-ondemand.jfr demo/run-prefetch.jfr\n' +
        '  rekindle view mem_mapping.txt uffd.log nmt.log --open',
    )
    .action(async (files: string[], flags: ViewFlags) => {
      for (const file of files) checkKind(file);
      await showRuns(files, flags.port, flags.open ? openInBrowser : undefined);
    });
}

const HEAD_BYTES = 4096;

/** Refuses what is neither a recording (begins with FLR and 0) nor text (has no 0), before a browser has to. */
function checkKind(path: string): void {
  const head = FileError.wrap(path, () => {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(HEAD_BYTES);
      return bytes.subarray(0, readSync(fd, bytes));
    } finally {
      closeSync(fd);
    }
  });
  const isRecording = head.subarray(0, 4).equals(Buffer.from('FLR\0'));
  if (isRecording || (head.length > 0 && !head.includes(0))) return;
  const found = head.length === 0 ? 'empty' : 'neither a recording nor text';
  throw new FileError(path, 'ENORECORDING', found, 'name a .jfr file, or fireCRaCer’s texts');
}

/** Asks the desktop; where there is none, the address has been printed and that is enough. */
function openInBrowser(url: string): void {
  const opener = spawn('xdg-open', [url], { detached: true, stdio: 'ignore' });
  opener.on('error', () => {
    process.stderr.write('rekindle: no xdg-open here; open the address above yourself\n');
  });
  opener.unref();
}
