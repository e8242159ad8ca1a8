// SPDX-License-Identifier: Apache-2.0
// What a VM did while nobody got an answer from it, so that the error can say whether its VMM hung, its CPUs stood still,
// or the guest worked on something else.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './engine.ts';

/** So long the VMM has to say how it is, milliseconds. */
const WORD_MILLIS = 2000;
/** A thread that used less processor time than this meanwhile is not worth a word, seconds. */
const WORTH_TELLING = 0.01;

/** What is asked of a machine here. */
export type Silent = Pick<Machine, 'pid' | 'stats'>;

interface Thread {
  readonly name: string;
  /** A letter of proc(5): R runs, S waits, D waits and cannot be interrupted. */
  readonly state: string;
  readonly cpuSeconds: number;
}

/** Threads of a process by their number; none when it has ended. */
function threadsOf(pid: number): Map<string, Thread> {
  const threads = new Map<string, Thread>();
  try {
    for (const id of readdirSync(`/proc/${pid}/task`)) {
      const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1');
      const end = stat.lastIndexOf(')');
      const [state = '?'] = stat.slice(end + 2).split(' ');
      const [nanos] = readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1').split(' ');
      const name = stat.slice(stat.indexOf('(') + 1, end);
      threads.set(id, { name, state, cpuSeconds: Number(nanos) / 1e9 });
    }
  } catch {
    // It ended while it was being looked at: what was seen is all there is.
  }
  return threads;
}

/** Notes what the VMM has done so far; the function it returns says what it did since, for people. */
export function watchSilence(machine: Silent): () => Promise<string> {
  const before = threadsOf(machine.pid);
  return async () => {
    const after = threadsOf(machine.pid);
    if (after.size === 0) return 'its VMM has ended';
    const spent = [...after].map(([id, thread]) => ({
      ...thread,
      seconds: thread.cpuSeconds - (before.get(id)?.cpuSeconds ?? 0),
    }));
    const all = spent.reduce((sum, { seconds }) => sum + seconds, 0);
    const told = spent
      .filter(({ state, seconds }) => seconds >= WORTH_TELLING || state === 'D')
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, 4)
      .map(({ name, state, seconds }) => `${name} ${seconds.toFixed(2)} s, state ${state}`);
    const threads = told.length === 0 ? '' : ` (${told.join('; ')})`;
    return `its VMM used ${all.toFixed(2)} s of processor time meanwhile${threads} and ${await wordOf(machine)}`;
  };
}

/** What the VMM says of its guest. */
async function wordOf(machine: Silent): Promise<string> {
  const late = new AbortController();
  try {
    return await Promise.race([
      machine.stats().then(
        ({ running }) => (running ? 'says that the guest runs' : 'says that the guest is paused'),
        (error: Error) => `cannot say whether the guest runs: ${error.message}`,
      ),
      sleep(WORD_MILLIS, `did not say within ${WORD_MILLIS / 1000} s whether the guest runs`, {
        signal: late.signal,
      }),
    ]);
  } finally {
    late.abort();
  }
}
