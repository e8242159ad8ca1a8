// SPDX-License-Identifier: Apache-2.0
// argv in, tables or JSON out. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 read with losses.
import { runProgram } from './program.ts';

/** Leaves quietly when the reader of our output has gone (`rekindle jfr print x.jfr | head`). */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runProgram(process.argv.slice(2));
