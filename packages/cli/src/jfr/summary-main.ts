// SPDX-License-Identifier: Apache-2.0
// `rekindle jfr summary FILE`, and nothing else of the program.
import { printError } from '../output.ts';
import { printSummary } from './print-summary.ts';

/** Prints the summary, or what went wrong; the exit code. */
export async function runSummary(file: string): Promise<number> {
  try {
    await printSummary(file, false);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    printError(error);
    return 1;
  }
}
