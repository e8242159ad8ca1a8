// SPDX-License-Identifier: Apache-2.0
// From recordings of restores to the working set that is kept beside their snapshot.
import { closeSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileSource } from '@rekindle/bytes/node';
import { openRecording } from '@rekindle/jfr';
import { dataExtents } from '@rekindle/linux';
import type { Manifest } from '@rekindle/microvm';
import { buildWorkingSet, encodeWorkingSet, pagesOf, touchOrder } from '@rekindle/pager';

/** Writes `working-set` into a snapshot directory; returns the number of pages in it. */
export async function writeWorkingSet(
  snapshot: string,
  manifest: Manifest,
  recordings: readonly string[],
): Promise<number> {
  const { machine, files } = manifest;
  const orders: number[][] = [];
  for (const file of recordings) {
    const source = openFileSource(file);
    try {
      const recording = await openRecording(source);
      const faults = await recording.columns('rekindle.PageFault', ['startTime', 'guestPhysical']);
      orders.push(touchOrder(faults.numbers('guestPhysical'), machine.regions, machine.pageSize));
    } finally {
      source.close();
    }
  }
  const set = buildWorkingSet(orders, {
    pageSize: machine.pageSize,
    memoryBytes: files.memory.bytes,
    snapshotHash: files.memory.sha256,
    isZero: holes(join(snapshot, files.memory.path), files.memory.bytes, machine.pageSize),
  });
  const path = join(snapshot, 'working-set');
  writeFileSync(`${path}.tmp`, encodeWorkingSet(set));
  renameSync(`${path}.tmp`, path);
  return pagesOf(set.runs) + pagesOf(set.zeroRuns);
}

/** Whether a page of the memory file lies in a hole. */
function holes(path: string, bytes: number, pageSize: number): (page: number) => boolean {
  const hasData = new Uint8Array(bytes / pageSize);
  const fd = openSync(path, 'r');
  try {
    for (const { start, end } of dataExtents(fd, bytes)) {
      hasData.fill(1, Math.floor(start / pageSize), Math.ceil(end / pageSize));
    }
  } finally {
    closeSync(fd);
  }
  return (page) => hasData[page] === 0;
}
