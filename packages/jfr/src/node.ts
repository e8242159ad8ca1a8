// SPDX-License-Identifier: Apache-2.0
// The part of the package that needs Node.js: files.

export type { ColumnsRequest } from './columns-worker.ts';
export { type FollowOptions, followRecording, followRepository } from './follow.ts';
export { columnsInParallel, type ParallelColumns, type ParallelOptions } from './parallel.ts';
export { type FileSink, fdSink, openFileSink } from './write/file-sink.ts';
