// SPDX-License-Identifier: Apache-2.0
// The part of the package that writes, for programs that record and read nothing
// (`@rekindle/jfr/writing`): all of it is twice as many modules, and 4 MB in every process recorded.
export type {
  Enumeration,
  EventDeclaration,
  FieldDeclaration,
  SettingDeclaration,
} from './declaration.ts';
export {
  type ChunkHeader,
  decodeHeader,
  encodeHeader,
  FLAG_FINAL,
  HEADER_SIZE,
  STATE_FINISHED,
  STATE_OFFSET,
  STATE_UPDATING,
} from './header.ts';
export { ChunkWriter } from './write/chunk-writer.ts';
export { ConstantPools } from './write/constant-pools.ts';
export { type EncodeEvent, eventBound } from './write/encoder.ts';
export { compileEncoder } from './write/encoder-compile.ts';
export {
  ActiveRecording,
  ActiveSetting,
  DataLoss,
  DumpReason,
  Flush,
} from './write/flight-recorder-events.ts';
export type { RecordingSink } from './write/recording-sink.ts';
export { EventRegistry, type EventType } from './write/registry.ts';
