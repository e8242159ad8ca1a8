// SPDX-License-Identifier: Apache-2.0

/** `Atomics.wait` as it was before a source wrapped it: the recorder's own waits are no events. */
export const wait: typeof Atomics.wait = Atomics.wait.bind(Atomics);
