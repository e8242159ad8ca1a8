// SPDX-License-Identifier: Apache-2.0
// Many workers that live for a moment and commit ten events each, through eight slots. For the tests and
// for `npm run stress`.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openRecording } from '@rekindle/jfr';

const PROGRAM = fileURLToPath(new URL('./programs/trouble.mjs', import.meta.url));
const EVENTS = 10;

/** Runs them; answers the resident bytes of the process before them and after each tenth of them. */
export function runShortLived(
  repository: string,
  file: string,
  workers: number,
  ...unrecorded: readonly 'unrecorded'[]
): readonly number[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--expose-gc', PROGRAM, 'shortLived', repository, file, String(workers), ...unrecorded],
    { encoding: 'utf8', timeout: 7_200_000 },
  );
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  return (JSON.parse(stdout) as { residents: number[] }).residents;
}

export interface ShortLived {
  readonly events: number;
  readonly threads: number;
  /** Bytes that the recording says were lost. */
  readonly lost: number;
}

/** Throws at an event that is there twice or has no thread, and where some are missing without a word. */
export async function judgeShortLived(file: string, workers: number): Promise<ShortLived> {
  const seen = new Uint8Array(workers * EVENTS);
  const threads = new Set<unknown>();
  let lost = 0;
  let events = 0;
  const recording = await openRecording(readFileSync(file));
  for await (const event of recording.events({ types: ['test.Tick', 'jdk.DataLoss'] })) {
    if (event.name === 'jdk.DataLoss') {
      lost = Number(event.get('total'));
      continue;
    }
    const number = event.get('number') as number;
    if (++seen[number]! > 1) throw new Error(`event ${number} is there twice`);
    const thread = event.get('eventThread.javaName');
    if (!thread) throw new Error(`event ${number} has no thread`);
    threads.add(thread);
    events++;
  }
  if (events < workers * EVENTS && lost === 0) {
    throw new Error(`event ${seen.indexOf(0)} is missing, and no jdk.DataLoss says so`);
  }
  return { events, threads: threads.size, lost };
}
