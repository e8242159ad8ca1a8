// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { EngineName, EngineProbe } from './engine.ts';

/** The absolute path of a program, as the shell would find it. */
export function findBinary(name: string): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Finds a VMM's program and asks it for its version; `pattern` captures the number. */
export async function probeBinary(
  engine: EngineName,
  wanted: string,
  pattern: RegExp,
  cure: string,
): Promise<EngineProbe> {
  const binary = findBinary(wanted);
  const nothing = { engine, available: false, version: undefined, binary } as const;
  if (binary === undefined) return { ...nothing, problem: `${wanted} is not installed: ${cure}` };
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 });
    const version = pattern.exec(stdout)?.[1];
    return version === undefined
      ? { ...nothing, problem: `${binary} --version says something else than a version` }
      : { engine, available: true, version, binary, problem: undefined };
  } catch (error) {
    return { ...nothing, problem: `${binary} does not start: ${(error as Error).message}` };
  }
}
