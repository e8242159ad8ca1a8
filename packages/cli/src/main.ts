// SPDX-License-Identifier: Apache-2.0
// argv in, tables or JSON out. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 read with losses.
import { printError } from './output.ts';

/** Leaves quietly when the reader of our output has gone (`rekindle jfr print x.jfr | head`). */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

async function main(argv: readonly string[]): Promise<number> {
  const [jfr, summary, file = '-'] = argv;
  const short = argv.length === 3 && jfr === 'jfr' && summary === 'summary';
  if (!short || file.startsWith('-')) return await (await import('./program.ts')).runProgram(argv);
  // A summary takes no longer than loading all that other commands need: here is nothing to parse.
  try {
    await (await import('./jfr/print-summary.ts')).printSummary(file, false);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    printError(error);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
