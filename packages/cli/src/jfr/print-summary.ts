// SPDX-License-Identifier: Apache-2.0
// What `rekindle jfr summary` does, without what parses its options: see main.ts.
import type { FileSource } from '@rekindle/bytes/node';
import { formatSummary, type Summary, summarizeWhole } from '@rekindle/jfr/summary';
import { printJson, writeWhole } from '../output.ts';
import { openSource } from './source.ts';

export async function printSummary(file: string, json: boolean): Promise<void> {
  const summary = await summaryOf(file);
  if (!json) {
    writeWhole(formatSummary(summary));
    return;
  }
  const { version, chunks, startNanos, durationNanos, events } = summary;
  printJson({ version, chunks, startNanos, durationNanos, events });
}

async function summaryOf(file: string): Promise<Summary> {
  const source = await openSource(file);
  try {
    return (await summarizeWhole(source)) ?? (await salvagedSummary(file, source));
  } finally {
    source.close();
  }
}

/** Of a damaged recording, with a warning. Only then the whole reader is loaded. */
async function salvagedSummary(file: string, source: FileSource): Promise<Summary> {
  const { inputOf } = await import('./input.ts');
  const input = await inputOf(file, source);
  try {
    return await input.recording.summary();
  } finally {
    input.warnOfLosses();
  }
}
