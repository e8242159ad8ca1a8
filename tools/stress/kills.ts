// SPDX-License-Identifier: Apache-2.0
// `npm run stress -- kills`: kills a recording process at 200 random points. Everything up to the last
// flush is read by our reader and printed by `rekindle jfr`; and by the JDK, after `rekindle jfr repair`
// of the chunk that was being written and `rekindle jfr assemble` of the repository.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeHeader, STATE_FINISHED } from '../../packages/jfr/src/index.ts';
import { JDKS } from '../../packages/recorder/src/testing/jdk.ts';
import {
  chunkFiles,
  judgeKilled,
  killWhileCommitting,
} from '../../packages/recorder/src/testing/killed.ts';

const kills = Number(process.argv[2] ?? 200);
const root = fileURLToPath(new URL('../../', import.meta.url));
const JUDGE = join(root, 'packages/recorder/src/testing/programs/Killed.java');

function rekindle(...args: readonly string[]): string {
  return execFileSync(
    process.execPath,
    [join(root, 'packages/cli/bin/rekindle.cjs'), 'jfr', ...args],
    { encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] },
  );
}

/** The event numbers that `rekindle jfr print` finds in a file. */
function printed(file: string): number[] {
  const said = JSON.parse(rekindle('print', '--json', '--events', 'test.Tick', file)) as {
    recording: { events: { values: { number: number } }[] };
  };
  return said.recording.events.map(({ values }) => values.number);
}

/** What one kill left, mended and put together; and how much it was. */
async function oneKill(place: string): Promise<Killed> {
  const repository = join(place, 'repository');
  mkdirSync(repository, { recursive: true });
  const flushed = await killWhileCommitting(repository);
  const salvaged = await judgeKilled(repository, flushed);
  const files = chunkFiles(repository);
  const torn = files.filter((file) => decodeHeader(readFileSync(file)).state !== STATE_FINISHED);
  for (const file of torn) {
    const numbers = printed(file);
    const complete = numbers.length === 0 || numbers.at(-1)! >= flushed - 1;
    if (!complete) throw new Error(`rekindle jfr print ends at ${numbers.at(-1)} of ${flushed}`);
    const mended = join(place, 'mended.jfr');
    rekindle('repair', file, mended);
    renameSync(mended, file);
  }
  const whole = join(place, 'whole.jfr');
  rekindle('assemble', dirname(files[0]!), whole);
  rmSync(repository, { recursive: true });
  return { whole, flushed, salvaged, chunks: files.length, torn: torn.length };
}

interface Killed {
  readonly whole: string;
  readonly flushed: number;
  readonly salvaged: number;
  readonly chunks: number;
  readonly torn: number;
}

const directory = mkdtempSync(join(tmpdir(), 'stress-kills-'));
try {
  const done: Killed[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const place = join(directory, String(kill));
    mkdirSync(place);
    done.push(await oneKill(place));
  }
  const sum = (of: (killed: Killed) => number): number =>
    done.reduce((total, killed) => total + of(killed), 0);
  console.log(
    `${done.length} kills: ${sum(({ torn }) => torn)} torn chunks of ${sum(({ chunks }) => chunks)},` +
      ` ${sum(({ flushed }) => flushed)} events flushed, ${sum(({ salvaged }) => salvaged)} salvaged`,
  );
  console.log('  our reader and rekindle jfr print: all that were flushed, constants resolved');
  for (const { home, version } of JDKS) {
    const pairs = done.flatMap(({ whole, flushed }) => [whole, String(flushed)]);
    const said = execFileSync(join(home, 'bin/java'), [JUDGE, ...pairs], { encoding: 'utf8' });
    const events = said.trim().split('\n').map(Number);
    const total = events.reduce((total, count) => total + count, 0);
    console.log(`  JDK ${version}, after rekindle jfr repair: the same, ${total} events`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
