// SPDX-License-Identifier: Apache-2.0
// A process that is killed while it commits, flushes and rotates, and the judge of what it left. For the
// tests and for `npm run stress`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type JfrEvent, openRecording } from '@rekindle/jfr';

const PROGRAM = fileURLToPath(new URL('./programs/trouble.mjs', import.meta.url));

/** Kills it at a random point after its first flush; answers how many events it had flushed by then. */
export async function killWhileCommitting(repository: string): Promise<number> {
  const child = spawn(process.execPath, [PROGRAM, 'killed', repository], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let flushed = 0;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    flushed = Number(line);
  });
  await once(lines, 'line');
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
  child.kill('SIGKILL');
  await closed;
  return flushed;
}

/** The chunk files below a directory, in the order of their names. */
export function chunkFiles(repository: string): string[] {
  const names = readdirSync(repository, { recursive: true }) as string[];
  return names
    .filter((name) => name.endsWith('.jfr'))
    .sort()
    .map((name) => join(repository, name));
}

/** Throws unless every flushed event is there, once, with its constants. Answers how many are there. */
export async function judgeKilled(repository: string, flushed: number): Promise<number> {
  const seen = new Set<number>();
  for (const file of chunkFiles(repository)) {
    const recording = await openRecording(readFileSync(file), { mode: 'salvage' });
    for await (const event of recording.events({ types: ['test.Tick'] })) {
      const number = event.get('number') as number;
      if (seen.has(number)) throw new Error(`${file}: event ${number} is there twice`);
      seen.add(number);
      if (number < flushed) checkConstants(event, number);
    }
  }
  for (let number = 0; number < flushed; number++) {
    if (!seen.has(number))
      throw new Error(`${repository}: event ${number} of ${flushed} is missing`);
  }
  return seen.size;
}

function checkConstants(event: JfrEvent, number: number): void {
  const text = event.get('text');
  if (text !== `a text of a few possible ${number % 10}`) throw new Error(`text "${text}"`);
  const thread = event.get('eventThread.javaName');
  if (thread !== 'main') throw new Error(`thread "${thread}"`);
  const frames = event.stackTrace?.frames as { method: { name: string } }[];
  if (frames[0]!.method.name !== 'commit') throw new Error(`method "${frames[0]!.method.name}"`);
}
