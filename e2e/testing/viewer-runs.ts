// SPDX-License-Identifier: Apache-2.0
// The runs that the viewer is shown: made up, so that everything about them is known, and the files made of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type InstallLog, installLog, type Run } from '@rekindle/analysis';
import { recordingOf, syntheticRun, textsOf } from '@rekindle/analysis/testing';

export const run: Run = syntheticRun('run.jfr', { ram: 512 * 1024 ** 2 });
export const prefetched: Run = syntheticRun('prefetched.jfr', {
  ram: 512 * 1024 ** 2,
  prefetch: 0.9,
});
export const log: InstallLog = installLog(run);

/** Pages of the owner of a name. */
export function slotsOf(of: Run, name: string): number[] {
  return [...of.graph.slotsOf(of.graph.owners.find((owner) => owner.name === name)!.id)];
}

/** Both runs as files, and files that are less than whole. */
export async function writeRuns(folder: string): Promise<void> {
  const write = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(folder, name), content);
  const whole = await recordingOf(run);
  write('run.jfr', whole);
  write('prefetched.jfr', await recordingOf(prefetched));
  write('bare.jfr', await recordingOf({ ...run, memory: undefined }));
  const texts = textsOf(run);
  write('mem_mapping.txt', texts.mappings);
  write('uffd.log', texts.faultLog);
  write('nmt.log', texts.nativeMemory);
  write('cut.jfr', whole.subarray(0, whole.length - 300));
  write('broken.jfr', whole.subarray(0, 100));
  write('letter.txt', 'Dear reader,\n');
}
