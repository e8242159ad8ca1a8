// SPDX-License-Identifier: Apache-2.0
export { AnalysisError, type AnalysisErrorCode } from './error.ts';
export {
  countAt,
  FAULTED,
  type InstallLog,
  installLog,
  PREFETCHED,
  REMOVED,
} from './install-log.ts';
export { type LoadOptions, loadRun } from './load.ts';
export { type OwnerTable, ownersOfFaults } from './owners.ts';
export {
  type AddressSpace,
  PageGraph,
  type PageOwner,
  type PageOwnerKind,
} from './page-graph.ts';
export { guessRam, RamLayout, type RamRange } from './ram.ts';
export {
  COPY,
  type FaultTable,
  makeRun,
  type PhaseTable,
  type PrefetchTable,
  type ProbeTable,
  RACED,
  type RemovalTable,
  type Run,
  type RunParts,
  ZERO,
} from './run.ts';
export { type ServiceTimeTable, serviceTimes } from './service-times.ts';
export {
  type ComparisonTable,
  compareRuns,
  firstResponseOf,
  type RunSummary,
  type SummaryTable,
  summarize,
  summaryTable,
} from './summary.ts';
export {
  type Column,
  type ColumnValues,
  column,
  type Table,
  table,
  toObjects,
  type Unit,
} from './table.ts';
export { type RunTexts, runFromTexts } from './text-run.ts';
export { spread, type TimelineTable, timeline } from './timeline.ts';
