// SPDX-License-Identifier: Apache-2.0
// What is half-made when a signal arrives is removed before the process dies of it.
import { rmSync } from 'node:fs';
import { endCommands } from './cache-process.ts';

const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const paths = new Set<string>();
let interrupted = false;

/**
 * Until the returned function is called, SIGINT, SIGTERM and SIGHUP end the tools that are running,
 * remove the path (and all others registered) and then take their course.
 */
export function removeWhenInterrupted(path: string): () => void {
  if (paths.size === 0) for (const signal of signals) process.on(signal, onSignal);
  paths.add(path);
  return () => {
    paths.delete(path);
    if (paths.size === 0) for (const signal of signals) process.off(signal, onSignal);
  };
}

function onSignal(signal: NodeJS.Signals): void {
  // Tools tidy up after themselves as well, and need our end of their pipes for that. The second
  // signal is of a user in a hurry.
  if (interrupted) die(signal);
  else void endCommands(10_000).then(() => die(signal));
  interrupted = true;
}

function die(signal: NodeJS.Signals): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  for (const each of signals) process.off(each, onSignal);
  interrupted = false; // somebody else may be listening, and keep the process
  process.kill(process.pid, signal);
}
