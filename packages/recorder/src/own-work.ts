// SPDX-License-Identifier: Apache-2.0
// What is part of something that is recorded already, or the recorder's own doing in a thread of the
// application (a source map that it reads), is not recorded.
let depth = 0;

/** Does something synchronous that sources are not to see. */
export function unseen<T>(work: () => T): T {
  depth++;
  try {
    return work();
  } finally {
    depth--;
  }
}

export function isUnseen(): boolean {
  return depth > 0;
}
