// SPDX-License-Identifier: Apache-2.0
// A memory file one can predict, and a stand-in VMM that is served from it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNative, TEST_VMM } from '../native-build.ts';

export const PAGE_BYTES = 4096;

/** What a test works in: a directory, a memory file, a socket path. */
export interface Scene {
  readonly directory: string;
  readonly memoryPath: string;
  readonly socketPath: string;
  path(name: string): string;
  remove(): void;
}

/**
 * Draws a memory file: one character per page. `.` a hole, `0` zeroes written as data, anything
 * else a page of data that no other page has.
 */
export async function drawMemory(drawing: string, name = 'pager'): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), `rekindle-${name}-`));
  const path = (file: string): string => join(directory, file);
  const memoryPath = path('memory');
  const file = await open(memoryPath, 'w');
  await file.truncate(drawing.length * PAGE_BYTES);
  for (const [page, kind] of [...drawing].entries()) {
    if (kind === '.') continue;
    const content = Buffer.alloc(PAGE_BYTES);
    if (kind !== '0') {
      content.fill(kind);
      content.writeUInt32LE(page + 1, 64); // not at the start: a lazy zero check would be caught
      content.fill(0, 0, 64);
    }
    await file.write(content, 0, PAGE_BYTES, page * PAGE_BYTES);
  }
  await file.close();
  return {
    directory,
    memoryPath,
    socketPath: path('socket'),
    path,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** How the stand-in VMM ended. */
export interface VmmEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Vmm {
  readonly child: ChildProcess;
  readonly ended: Promise<VmmEnd>;
  /** Lets it go on after `wait`. */
  go(): void;
  /** Resolves when it has said `text`. */
  said(text: string): Promise<void>;
}

/** Starts the stand-in VMM. It ends itself with SIGALRM after 30 seconds, whatever happens. */
export async function startVmm(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Vmm> {
  const program = await buildNative(TEST_VMM);
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<VmmEnd>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
      for (const listener of listeners) listener();
    });
  });
  return {
    child,
    ended,
    go: () => void child.stdin.write('\n'),
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (stdout.split('\n').includes(text)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null) {
            reject(new Error(`the VMM ended without saying ${text}: ${stderr}`));
          } else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
  };
}

/** Runs the stand-in VMM to its end. */
export const runVmm = async (args: readonly string[]): Promise<VmmEnd> =>
  (await startVmm(args)).ended;

/** Kills a pager's process, and never what kill(2) understands by 0 and the numbers below: everybody. */
export function killPager({ pid }: { readonly pid: number }): void {
  if (!(Number.isInteger(pid) && pid > 1)) throw new Error(`${pid} is no pager's process`);
  process.kill(pid, 'SIGKILL');
}
