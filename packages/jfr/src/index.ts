// SPDX-License-Identifier: Apache-2.0
export { Chunk } from './chunk.ts';
export {
  type Column,
  Columns,
  type LongColumn,
  type NumberArray,
  type NumberColumn,
  type ReferenceColumn,
  type StringColumn,
  textOf,
  type ValueColumn,
} from './column.ts';
export type {
  Content,
  Enumeration,
  EventDeclaration,
  FieldDeclaration,
  PoolType,
  ScalarType,
  SettingDeclaration,
  Struct,
} from './declaration.ts';
export type { DecodeMode } from './decode-columns.ts';
export type { Elements } from './elements.ts';
export { JfrError, type JfrErrorCode, type JfrPlace } from './error.ts';
export { JfrEvent } from './event.ts';
export { eventTypesOf } from './event-types.ts';
export { collapsedStacks } from './export/collapsed.ts';
export { methodName } from './export/constant-text.ts';
export { eventsWithStacks, resolveEventName } from './export/event-name.ts';
export { firefoxProfile } from './export/firefox.ts';
export { type FlameOptions, flameGraph } from './export/flame.ts';
export { pprofProfile } from './export/pprof.ts';
export {
  collectStacks,
  type ProfileFrame,
  type ProfileThread,
  type StackOptions,
  type StackProfile,
  weightsOfStacks,
} from './export/stacks.ts';
export {
  type EventTable,
  eventTable,
  type TableColumn,
  type TableColumnKind,
} from './export/table.ts';
export { chromeTrace } from './export/trace.ts';
export type { ChunkPlace } from './find-chunks.ts';
export {
  type ChunkHeader,
  decodeHeader,
  encodeHeader,
  FLAG_COMPRESSED,
  FLAG_FINAL,
  HEADER_SIZE,
  MAGIC,
  MAX_GENERATION,
  STATE_FINISHED,
  STATE_OFFSET,
  STATE_UPDATING,
  UPDATE_OFFSET,
} from './header.ts';
export type { Loss } from './loss.ts';
export { Pool, type PoolIndex } from './pool.ts';
export {
  categoryFilter,
  type EventTypeFilter,
  eventTypeFilter,
  everyFilter,
  threadNameFilter,
} from './print/event-filter.ts';
export { formatMetadata } from './print/metadata-text.ts';
export { type PrintOptions, printEvents, type Write } from './print/print-events.ts';
export { formatSummary } from './print/summary-text.ts';
export { openRecording, type ReadOptions, Recording } from './recording.ts';
export type { EventFilter } from './select-events.ts';
export { type EventCount, Summary } from './summary.ts';
export {
  type Annotation,
  type ClassType,
  type Field,
  type Region,
  type Setting,
  TypeModel,
} from './type-model.ts';
export {
  classOf,
  isStruct,
  type Struct as StructValue,
  toObject,
  type Value,
  valueAt,
} from './value.ts';
export {
  answerViews,
  chunksForView,
  formatTypes,
  formatView,
  inColumns,
  VIEWS,
  type ViewAnswer,
  type ViewOptions,
} from './view/view.ts';
export { activeSettings } from './write/active-settings.ts';
export {
  type ChunkClock,
  ChunkWriter,
  type ChunkWriterOptions,
  type FinishOptions,
} from './write/chunk-writer.ts';
export {
  type ClassConstant,
  type ConstantKey,
  ConstantPools,
  type FrameConstant,
  type MethodConstant,
  type ThreadConstant,
} from './write/constant-pools.ts';
export { describeEvents } from './write/describe-events.ts';
export {
  type DisassembleOptions,
  disassemble,
  pieceNames,
  type RecordingPiece,
} from './write/disassemble.ts';
export {
  type EncodeEvent,
  type EventValue,
  eventBound,
  interpretEncoder,
} from './write/encoder.ts';
export { compileEncoder } from './write/encoder-compile.ts';
export type { EventArguments, EventValues, Key, Long, Text } from './write/event-values.ts';
export {
  ActiveRecording,
  ActiveSetting,
  DataLoss,
  DumpReason,
  Flush,
} from './write/flight-recorder-events.ts';
export { type JoinOptions, joinRecordings } from './write/join.ts';
export { encodeMetadata } from './write/metadata-writer.ts';
export { type MemorySink, memorySink, type RecordingSink } from './write/recording-sink.ts';
export {
  type EventHandle,
  type RecordedEvent,
  RecordingWriter,
  type RecordingWriterOptions,
  recorded,
  type WriteRecordingInput,
  writeRecording,
} from './write/recording-writer.ts';
export {
  type EventArgument,
  EventRegistry,
  type EventType,
  type FieldKind,
} from './write/registry.ts';
export { type Repaired, repair } from './write/repair.ts';
export { type Scrubbed, type ScrubFilter, scrub } from './write/scrub.ts';
