// SPDX-License-Identifier: Apache-2.0
// A VM must not outlive its owner. Three nets, one under the other: the VMM gets SIGKILL from the kernel
// when the owner dies (PR_SET_PDEATHSIG, see vmm-process.ts); an owner that ends by itself or by a signal
// removes the state directories (here); a directory left by a killed owner is swept by the next command.

/** Something to end, synchronously, when this process ends. Must not throw. */
export type Release = () => void;

const releases = new Set<Release>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function releaseAll(): void {
  for (const release of [...releases]) release();
  releases.clear();
}

function onSignal(signal: NodeJS.Signals): void {
  releaseAll();
  uninstall();
  // With our handler gone the signal does what it would have done; other handlers keep their say.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function install(): void {
  process.on('exit', releaseAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function uninstall(): void {
  process.off('exit', releaseAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** Calls `release` when this process ends; returns the function that takes it back. */
export function own(release: Release): () => void {
  if (releases.size === 0) install();
  releases.add(release);
  return () => {
    if (releases.delete(release) && releases.size === 0) uninstall();
  };
}
