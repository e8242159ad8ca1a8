// SPDX-License-Identifier: Apache-2.0
// A real guest without its processor: the memory of a Java service, and the order in which a restore of it touched
// its pages, for the stand-in VMM to replay. Emulation, which is most of what such a restore takes here, is left out.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTraces, workingSetOf } from '../packages/cli/src/working-set-file.ts';
import { encodeWorkingSet } from '../packages/pager/src/index.ts';
import { answeringGuest, type ServiceName } from './answering-guest.ts';
import { MIB, PAGE, type SyntheticGuest } from './synthetic-guest.ts';

/** The last of three recorded restores is replayed; the working set is what the others touched. */
const RECORDINGS = 3;

/** Made below `directory`, or taken from there. */
export async function recordedGuest(
  directory: string,
  service: ServiceName,
): Promise<SyntheticGuest> {
  const { snapshot, manifest } = await answeringGuest(directory, {
    service,
    recordings: RECORDINGS,
  });
  const memory = join(snapshot, manifest.files.memory.path);
  const runs = Array.from({ length: RECORDINGS }, (_, index) =>
    join(directory, `run-${index}.jfr`),
  );
  const traces = await readTraces(runs, manifest, 'end');
  const { pages } = traces.at(-1)!;
  const set = workingSetOf({ memory, manifest }, traces.slice(0, -1));
  const paths = { order: join(directory, 'order'), workingSet: join(directory, 'learned') };
  writeFileSync(paths.order, Buffer.from(Uint32Array.from(pages).buffer));
  // of the memory file alone: the stand-in has no snapshot to check
  writeFileSync(paths.workingSet, encodeWorkingSet({ ...set, snapshotHash: '' }));
  const bytes = manifest.files.memory.bytes;
  return {
    directory,
    memory,
    mib: bytes / MIB,
    touchedMib: (pages.length * PAGE) / MIB,
    ...paths,
  };
}
