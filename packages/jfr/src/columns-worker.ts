// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />
// A worker thread of columnsInParallel: decodes the columns of one chunk after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { openFileSource } from '@rekindle/bytes/node';
import { JfrError, type JfrErrorCode } from './error.ts';
import type { Loss } from './loss.ts';
import { type PackedColumns, packColumns } from './packed-columns.ts';
import { openRecording, type ReadOptions } from './recording.ts';
import type { EventFilter } from './select-events.ts';

export interface ColumnsRequest {
  /** Event type name. */
  readonly event: string;
  /** All fields when left out. */
  readonly fields?: readonly string[];
  /** By time; a predicate over threads cannot go to another thread. */
  readonly filter?: Pick<EventFilter, 'from' | 'to'>;
}

export interface WorkerJob {
  readonly path: string;
  readonly requests: readonly ColumnsRequest[];
  readonly options: ReadOptions;
}

/** What comes back for a chunk: what was kept of it, and its columns. */
export interface ChunkResult {
  readonly index: number;
  readonly bytes: Uint8Array;
  /** Of the metadata event in `bytes`, where that is not the whole chunk. */
  readonly metadataPosition: number | undefined;
  readonly columns: readonly PackedColumns[];
  readonly losses: readonly Loss[];
}

export interface ChunkFailure {
  readonly index: number;
  readonly error: {
    readonly code: JfrErrorCode | undefined;
    readonly reason: string;
    readonly chunk: number | undefined;
    readonly offset: number | undefined;
    readonly hint: string | undefined;
  };
}

const { path, requests, options } = workerData as WorkerJob;
const source = openFileSource(path);
const recording = await openRecording(source, options);
const types = [...new Set(requests.map(({ event }) => event))];

async function decode(index: number): Promise<void> {
  const chunk = await recording.chunk(index, types);
  const results = requests.map(({ event, fields, filter }) =>
    packColumns(chunk.columns(event, fields, filter)),
  );
  const { bytes, sifted, losses } = chunk;
  const buffers = new Set(results.flatMap((result) => result.buffers));
  buffers.add(bytes.buffer as ArrayBuffer);
  const result: ChunkResult = {
    index,
    bytes,
    metadataPosition: sifted?.metadataPosition,
    columns: results.map(({ packed }) => packed),
    losses,
  };
  parentPort?.postMessage(result, [...buffers]);
}

parentPort?.on('message', (index: number) => {
  decode(index).catch((error: unknown) => {
    const known = error instanceof JfrError ? error : undefined;
    const failure: ChunkFailure = {
      index,
      error: {
        code: known?.code,
        reason: known?.reason ?? String(error),
        chunk: known?.chunk,
        offset: known?.offset,
        hint: known?.hint,
      },
    };
    parentPort?.postMessage(failure);
  });
});
