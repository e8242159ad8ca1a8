// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />
// Columns of a large file, its chunks decoded on worker threads.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { openFileSource } from '@rekindle/bytes/node';
import { Chunk } from './chunk.ts';
import type { KnownMetadata } from './chunk-metadata.ts';
import type { Columns } from './column.ts';
import type { ChunkFailure, ChunkResult, ColumnsRequest, WorkerJob } from './columns-worker.ts';
import { JfrError } from './error.ts';
import { joinColumns, type Part } from './join-columns.ts';
import type { Loss } from './loss.ts';
import { unpackColumns } from './packed-columns.ts';
import { openRecording, type ReadOptions } from './recording.ts';

export interface ParallelOptions extends ReadOptions {
  /** Threads at most; as many as the machine runs at once when left out. */
  readonly workers?: number;
}

export interface ParallelColumns {
  /** One for each request, in order; times as in {@link Recording.columns}. */
  readonly columns: readonly Columns[];
  readonly losses: readonly Loss[];
}

/**
 * As {@link Recording.columns} for several event types at once, with the chunks of the file decoded on
 * worker threads. Worth it from some ten megabytes on: a thread takes about 50 ms to start.
 */
export async function columnsInParallel(
  path: string,
  requests: readonly ColumnsRequest[],
  { workers, ...options }: ParallelOptions = {},
): Promise<ParallelColumns> {
  const source = openFileSource(path);
  try {
    const recording = await openRecording(source, options);
    const { places, startNanos, losses } = recording;
    const count = Math.max(1, Math.min(workers ?? availableParallelism(), places.length));
    const results = await decodeAll({ path, requests, options }, places.length, count);
    const found = [...losses];
    const parts = requests.map((): Part[] => []);
    let known: KnownMetadata | undefined;
    for (const [index, result] of results.entries()) {
      const place = places[index]!;
      const { bytes, metadataPosition } = result;
      const chunk = new Chunk(place.header, bytes, {
        index,
        offset: place.offset,
        salvage: options.mode === 'salvage',
        decode: options.decode ?? 'auto',
        known,
        ...(metadataPosition !== undefined && {
          sifted: { bytes, metadataPosition, origin: (offset: number) => offset },
        }),
      });
      known = chunk.metadata;
      found.push(...result.losses);
      for (const [at, packed] of result.columns.entries()) {
        if (packed.all.length > 0)
          parts[at]!.push({ chunk, columns: unpackColumns(packed, chunk) });
      }
    }
    const columns = requests.map(({ event }, at) => joinColumns(event, parts[at]!, startNanos));
    return { columns, losses: found };
  } finally {
    source.close();
  }
}

/** Hands out chunk after chunk to the workers; results by chunk. The first error ends it. */
function decodeAll(job: WorkerJob, chunks: number, workers: number): Promise<ChunkResult[]> {
  const results: ChunkResult[] = [];
  const threads: Worker[] = [];
  let next = 0;
  let open = chunks;
  const done = new Promise<ChunkResult[]>((resolve, reject) => {
    const give = (worker: Worker): void => {
      if (next < chunks) worker.postMessage(next++);
    };
    for (let count = 0; count < workers; count++) {
      const worker = new Worker(entry(), { workerData: job, execArgv: [] });
      threads.push(worker);
      worker.on('error', reject);
      worker.on('message', (message: ChunkResult | ChunkFailure) => {
        if ('error' in message) {
          reject(failure(message));
          return;
        }
        results[message.index] = message;
        open--;
        if (open === 0) resolve(results);
        else give(worker);
      });
      give(worker);
    }
    if (chunks === 0) resolve(results);
  });
  return done.finally(() => Promise.all(threads.map((worker) => worker.terminate())));
}

/** Threads run what is built, also where this file is run from its source. */
function entry(): URL {
  const here = import.meta.url.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
  return new URL('columns-worker.js', here);
}

function failure({ error }: ChunkFailure): Error {
  const { code, reason, chunk, offset, hint } = error;
  return code === undefined
    ? new Error(reason)
    : new JfrError(code, reason, { chunk, offset }, hint);
}
