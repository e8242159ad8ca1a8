// SPDX-License-Identifier: Apache-2.0
export { type CaptureChunk, type CaptureRecording, readCapture } from './capture-read.ts';
export {
  CAPTURE_EVENTS,
  type CaptureTime,
  captureEvents,
  type WriteCaptureOptions,
  writeCapture,
} from './capture-write.ts';
export {
  CodeCacheParser,
  type CodeHeap,
  type CodeHeaps,
  CodeListParser,
  type CompiledMethods,
  PerfMapParser,
} from './compiled-code.ts';
export { MemoryError, type MemoryErrorCode, type Place } from './error.ts';
export { type FaultLog, FaultLogParser, type Removals } from './fault-log.ts';
export { attributeFaults, type FaultOwners, type FaultRow } from './faults.ts';
export { eachFrameRun, type FrameTable, kindOf, type OwnerKind, PAGE_BYTES } from './frames.ts';
export {
  GuestMemory,
  type GuestProcess,
  type Mappings,
  PAGE_EXCLUSIVE,
  PAGE_FILE_OR_SHARED,
  type PageRuns,
  type ProcessIndex,
} from './guest-memory.ts';
export { DEFAULT_MAX_PHYSICAL_BYTES, GuestMemoryBuilder } from './guest-memory-builder.ts';
export {
  type GuestTexts,
  type GuestTextsResult,
  type JvmTexts,
  readGuestTexts,
  type TextReport,
} from './guest-texts.ts';
export { type Introspection, type IntrospectOptions, introspect } from './introspect/introspect.ts';
export type { MemoryRegion, SyncByteSource } from './introspect/physical-memory.ts';
export { JvmLayout, type JvmMethods, type JvmRegions, NO_METHODS } from './jvm-layout.ts';
export {
  type LineParser,
  MAX_LINE_BYTES,
  parsePieces,
  parseText,
  type TextPieces,
  type UnknownLines,
} from './lines.ts';
export { MappingsParser, type MappingsReport } from './mappings.ts';
export { type NativeMemory, NativeMemoryParser } from './native-memory.ts';
export {
  classIndex,
  classOfFrameKind,
  classOfJvmArea,
  OWNER_CLASSES,
  type OwnerClass,
} from './owner-class.ts';
export { type ClassTotals, type FrameOwner, Ownership, type PageUse } from './ownership.ts';
export { KPF, KPF_HIGH, kindOfPageFlags } from './page-flags.ts';
