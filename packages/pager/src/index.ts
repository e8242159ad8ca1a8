// SPDX-License-Identifier: Apache-2.0
export { type CompactResult, compactMemory } from './compact-write.ts';
export { ACTION, type FaultLog, type PagerTotals } from './fault-log.ts';
export {
  checkLayout,
  fileOffsetOf,
  firecrackerLayout,
  type GuestRange,
  guestPhysicalOf,
  q35Layout,
} from './guest-layout.ts';
export { HandshakeReader, type HandshakeRegion, parseHandshake } from './handshake.ts';
export { FileSource, type MemorySource, type Readahead } from './memory-source.ts';
export { buildFaultEngine, buildPreload, preloadLibraryPath } from './native-build.ts';
export type { PagerNotice, PagerSummary } from './notices.ts';
export { type LoopKind, PAGER_POLICIES, type PagerOptions, type PagerPolicy } from './options.ts';
export { PagerError, type PagerErrorCode } from './pager-error.ts';
export { PagerProcess } from './pager-process.ts';
export { type Recommendation, recommendPolicy } from './recommend.ts';
export { type RestoreTrace, readRestoreTrace, type Until } from './restore-trace.ts';
export { type SettleOptions, settledFaults } from './settle.ts';
export { SHARED_DIRECTORY, sharedPathFor } from './shared-pages.ts';
export { type PagerHandle, type Resumable, spawnPager } from './spawn.ts';
export {
  checkWorkingSet,
  decodeWorkingSet,
  encodeWorkingSet,
  type PageRun,
  pagesOf,
  type WorkingSet,
} from './working-set.ts';
export { buildWorkingSet, type TouchOrder, touchOrder } from './working-set-build.ts';
export {
  type Fit,
  fitOf,
  type Overlap,
  overlapOf,
  pageSetOf,
} from './working-set-compare.ts';
