// SPDX-License-Identifier: Apache-2.0
// One byte says everything about a page that a colour depends on:
//
//   bit   7       6       5     4           3       2        1         0
//         recent  zeroed  new   prefetched  loaded  shared   selected  used

/** Somebody owned the page when the snapshot was taken. */
export const USED = 1;
/** One of the selected owners owns it. */
export const SELECTED = 2;
/** More than one process, kernel or page cache uses it. */
export const SHARED = 4;
/** A fault brought it in. */
export const LOADED = 8;
/** It was installed before anyone asked. */
export const PREFETCHED = 16;
/** It came in although nobody owned it when the snapshot was taken. */
export const NEW = 32;
/** It came in as zeroes, not from the memory file. */
export const ZEROED = 64;
/** It came in a moment ago. */
export const RECENT = 128;

/** What playing changes. */
export const MOVING: number = LOADED | PREFETCHED | NEW | ZEROED | RECENT;
