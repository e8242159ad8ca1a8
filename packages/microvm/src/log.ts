// SPDX-License-Identifier: Apache-2.0
import type { VM_PHASES } from '@rekindle/events';

export type VmPhaseName = (typeof VM_PHASES)[number];

/** Nanoseconds of CLOCK_MONOTONIC, as every event of ours counts them. */
export function monotonicNow(): bigint {
  return process.hrtime.bigint();
}

/** Milliseconds since `start`, as a number fit for a table. */
export function millisecondsSince(start: bigint, end: bigint = monotonicNow()): number {
  return Number(end - start) / 1e6;
}

/** Which VM an event speaks of. */
export interface VmLabel {
  readonly name: string;
  readonly engine: string;
  readonly accelerator: string;
}

/** Where the life of a VM is written down. Times are `monotonicNow()`; the end of each is the moment of the call. */
export interface VmLog {
  phase(vm: VmLabel, phase: VmPhaseName, start: bigint): void;
  /** `status` 0: done; 1: refused, or no answer. */
  request(
    vm: string,
    method: string,
    path: string,
    start: bigint,
    status: number,
    error: string | undefined,
  ): void;
  /** `status` 0: no HTTP answer. */
  probe(url: string, status: number, attempt: number, start: bigint): void;
}

/** Keeps nothing. */
export const NO_LOG: VmLog = { phase() {}, request() {}, probe() {} };
