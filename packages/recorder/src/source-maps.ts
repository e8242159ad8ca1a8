// SPDX-License-Identifier: Apache-2.0
// Frames name the source file and line that a person wrote, where a source map says so.
import { readFileSync } from 'node:fs';
import { findSourceMap, SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unseen } from './own-work.ts';

export interface SourcePosition {
  /** Path or URL. */
  readonly source: string;
  /** 1-based. */
  readonly line: number;
  readonly name: string | undefined;
}

const maps = new Map<string, SourceMap | null>();
const MAX_MAPS = 1000;

/** Where a position (1-based) of a script was written; the position itself where no map is known. */
export function originalPosition(script: string, line: number, column: number): SourcePosition {
  const map = mapOf(script);
  if (map !== null) {
    const found = map.findEntry(line - 1, column - 1);
    if ('originalSource' in found) {
      const { originalSource, originalLine, name } = found as {
        originalSource: string;
        originalLine: number;
        name?: string;
      };
      const base = script.startsWith('file:') ? dirname(fileURLToPath(script)) : dirname(script);
      const source = originalSource.startsWith('file:')
        ? originalSource
        : resolve(base, originalSource);
      return { source, line: originalLine + 1, name };
    }
  }
  return { source: script, line, name: undefined };
}

function mapOf(script: string): SourceMap | null {
  let map = maps.get(script);
  if (map === undefined) {
    map = unseen(() => load(script));
    if (maps.size >= MAX_MAPS) maps.clear();
    maps.set(script, map);
  }
  return map;
}

function load(script: string): SourceMap | null {
  if (script === '' || script.startsWith('node:')) return null;
  try {
    const path = script.startsWith('file:') ? fileURLToPath(script) : script;
    // known already where the process runs with --enable-source-maps
    const known = findSourceMap(path);
    if (known !== undefined) return known;
    const text = readFileSync(path, 'utf8').slice(-4096);
    const url = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(text)?.[1];
    if (url === undefined || url.startsWith('data:') || /^[a-z]+:/i.test(url)) return null;
    return new SourceMap(JSON.parse(readFileSync(resolve(dirname(path), url), 'utf8')));
  } catch {
    // no map is no misfortune
    return null;
  }
}
