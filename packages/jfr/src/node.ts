// SPDX-License-Identifier: Apache-2.0
// The part of the package that needs Node.js: files.
export { type FollowOptions, followRecording, followRepository } from './follow.ts';
export { type FileSink, fdSink, openFileSink } from './write/file-sink.ts';
