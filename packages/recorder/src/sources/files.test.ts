// SPDX-License-Identifier: Apache-2.0
// Reads and writes as events, each once, whichever way the program asks for them.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../frames.ts';
import { files } from './files.ts';
import type { SourceContext } from './source.ts';

let told: [event: string, path: string, bytes: unknown, top: string | undefined][] = [];
let directory: string;
let stop: () => void;
beforeAll(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'files-'));
  const handle = ({ name }: { name: string }) => ({
    tellsAsyncContext: false,
    shouldCommit: () => true,
    commitIn: (...[, , , , frames, path, bytes]: unknown[]) => {
      const [top] = (frames as readonly Frame[] | null) ?? [];
      told.push([name.slice(4), String(path).replace(`${directory}/`, ''), bytes, top?.owner]);
    },
  });
  stop = files.start({ handle } as unknown as SourceContext) as () => void;
});
afterAll(() => {
  stop();
  fs.rmSync(directory, { recursive: true, force: true });
});

async function toldBy(work: () => unknown): Promise<typeof told> {
  told = [];
  await work();
  return told;
}

describe('a file that is read and written', () => {
  it('synchronously: what the program called, and from where', async () => {
    const file = join(directory, 'sync');
    const events = await toldBy(() => {
      fs.writeFileSync(file, 'some text');
      fs.readFileSync(file);
      const descriptor = fs.openSync(file, 'r+');
      fs.writeSync(descriptor, 'other');
      fs.fsyncSync(descriptor);
      fs.closeSync(descriptor);
    });
    expect(events.map((event) => event.slice(0, 3))).toEqual([
      ['FileWrite', 'sync', 9],
      ['FileRead', 'sync', 9],
      ['FileWrite', 'sync', 5],
      ['FileForce', 'sync', true],
    ]);
    for (const [, , , top] of events) expect(top).toMatch(/files_test$/);
  });

  it('with callbacks', async () => {
    const file = join(directory, 'callback');
    const events = await toldBy(async () => {
      await promisify(fs.writeFile)(file, 'some text');
      await promisify(fs.readFile)(file);
    });
    expect(events).toEqual([
      ['FileWrite', 'callback', 9, undefined],
      ['FileRead', 'callback', 9, undefined],
    ]);
  });

  it('with promises, and fails as ever', async () => {
    const file = join(directory, 'promise');
    const events = await toldBy(async () => {
      await fs.promises.writeFile(file, 'some text');
      await fs.promises.readFile(file, 'utf8');
      const handle = await fs.promises.open(file, 'r+');
      await handle.write('abc');
      await handle.read(Buffer.alloc(4), 0, 4, 0);
      await handle.sync();
      await handle.close();
      await expect(fs.promises.readFile(join(directory, 'none'))).rejects.toThrow(/ENOENT/);
    });
    expect(events).toEqual([
      ['FileWrite', 'promise', 9, undefined],
      ['FileRead', 'promise', 9, undefined],
      ['FileWrite', 'promise', 3, undefined],
      ['FileRead', 'promise', 4, undefined],
      ['FileForce', 'promise', true, undefined],
    ]);
  });
});
