// SPDX-License-Identifier: Apache-2.0
import type { PagerTotals } from './fault-log.ts';
import type { LoopKind } from './options.ts';

/** What a pager tells while it works. Times are nanoseconds. */
export type PagerNotice =
  | {
      readonly event: 'listening';
      readonly socketPath: string;
      readonly loop: LoopKind;
      /** Why this loop. */
      readonly reason: string;
    }
  | {
      readonly event: 'connected';
      /** The VMM's process, 0 when it cannot be seen. */
      readonly pid: number;
      readonly regions: number;
      readonly bytes: number;
    }
  /** This pager goes on where another one died. */
  | { readonly event: 'took-over'; readonly pid: number; readonly bytes: number }
  /** The policy wants nothing more before the VM runs. `stalled`: what the VMM alone has waited for faults so far. */
  | {
      readonly event: 'resumable';
      readonly pages: number;
      readonly nanos: number;
      readonly stalled: number;
    };

/** How it ended, and what it did. */
export interface PagerSummary extends PagerTotals {
  /** `vm-ended`, or `detached`: everything was installed and the VM goes on without a pager. */
  readonly reason: 'vm-ended' | 'detached';
  readonly loop: LoopKind;
  /** How `wasted` was counted: by the marks in the VMM's page table, or not at all. */
  readonly wastedBy: 'page table' | 'not counted';
  /** Events that are in no log, because it could not keep up. */
  readonly lost: number;
}
