// SPDX-License-Identifier: Apache-2.0
// The memory that TypeScript and native/fault-engine.c share, by byte offset. `struct engine`:
//
//     0 i32 uffd, control, notify, unused[3]
//    24 u64 page_size, source, zero_page, states, regions, region_count, ranges, range_count
//    88 u64 ring, ring_records, messages, units
//   120 u32 head, tail, lost, state            136 i32 error, failure         144 u64 place
//   152 u32 next_unit, last_unit, workers, shares
//   168 f64 counters[9] in the order of COUNTER   240 u64 index   248 u32 lazy, stop
//   256 u64 pool   264 i32 pool_uffd   268 u32 silent, door
//   276 private to C, up to 512
export const ENGINE = {
  uffd: 0,
  control: 4,
  notify: 8,
  pageSize: 24,
  source: 32,
  zeroPage: 40,
  states: 48,
  regions: 56,
  regionCount: 64,
  ranges: 72,
  rangeCount: 80,
  ring: 88,
  ringRecords: 96,
  messages: 104,
  units: 112,
  head: 120,
  tail: 124,
  lost: 128,
  state: 132,
  error: 136,
  failure: 140,
  place: 144,
  lastUnit: 156,
  workers: 160,
  counters: 168,
  index: 240,
  lazy: 248,
  stop: 252,
  pool: 256,
  poolUffd: 264,
  silent: 268,
  door: 272,
  bytes: 512,
} as const;

/** Values of `state`. */
export const ENGINE_STATE = { serving: 0, peerGone: 1, failed: 2, stopped: 3 } as const;

/** Value of `door` when all units have been dealt with. */
export const DOOR_CLOSED = 0x80000000;

/** Values of `failure`. */
export const FAILURE = {
  read: 1,
  poll: 2,
  outside: 3,
  install: 4,
  event: 5,
} as const;

// struct region: u64 host, size, offset. struct guest_range: u64 guest, bytes, offset.
export const REGION_BYTES: number = 24;
// struct unit: u32 page, pages, zero, unused.
export const UNIT_BYTES: number = 16;

// struct record, 64 bytes:
//   0 f64 start, duration, guest_physical, host_virtual
//  32 u32 kind, write, action, thread, region, pages
//  56 f64 bytes
export const RECORD_BYTES: number = 64;
export const RECORD = {
  start: 0,
  duration: 1,
  guestPhysical: 2,
  hostVirtual: 3,
  bytes: 7,
  kind: 8,
  write: 9,
  action: 10,
  thread: 11,
  region: 12,
  pages: 13,
} as const;

/** Values of `kind`. */
export const RECORD_KIND = { fault: 0, prefetch: 1, removed: 2, want: 3 } as const;
