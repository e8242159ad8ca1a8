// SPDX-License-Identifier: Apache-2.0
// Stack traces of JavaScript, as structured call sites. This is the dearest part of an event (about
// 0.6 µs a frame), so the depth is limited and nothing is turned into text that was seen before.

import { fileURLToPath } from 'node:url';
import { originalPosition } from './source-maps.ts';

/** One frame, innermost first in a trace. */
export interface Frame {
  /** Class or file the function belongs to, in the manner of a Java class name. */
  readonly owner: string;
  readonly method: string;
  /** 1-based; 0 when unknown. */
  readonly line: number;
  readonly native: boolean;
}

/** The frames of the caller of `below`, at most `depth`. */
export function captureFrames(
  depth: number,
  below: (...args: never[]) => unknown,
): readonly Frame[] {
  const limit = Error.stackTraceLimit;
  const prepare = Error.prepareStackTrace;
  const holder: { stack?: readonly NodeJS.CallSite[] } = {};
  try {
    Error.stackTraceLimit = depth;
    Error.prepareStackTrace = (_, sites) => sites;
    Error.captureStackTrace(holder, below);
    const sites = holder.stack;
    return Array.isArray(sites) ? sites.filter(isProgram).map(toFrame) : [];
  } finally {
    Error.stackTraceLimit = limit;
    // biome-ignore lint/suspicious/noExplicitAny: undefined is its natural state
    Error.prepareStackTrace = prepare as any;
  }
}

/** The recorder's own files: among them functions that stand before those of Node.js and see its calls. */
const OWN = fileURLToPath(new URL('./', import.meta.url));

function isProgram(site: NodeJS.CallSite): boolean {
  const script = site.getFileName()?.replace(/^file:\/\//, '') ?? '';
  return !script.startsWith(OWN) || isTest(script);
}

/** Tests of the recorder are beside it, and programs to it. */
function isTest(script: string): boolean {
  return script.includes('.test.') || script.includes('/testing/');
}

function toFrame(site: NodeJS.CallSite): Frame {
  const script = site.getFileName() ?? site.getEvalOrigin() ?? '';
  const place = originalPosition(script, site.getLineNumber() ?? 0, site.getColumnNumber() ?? 1);
  return {
    owner: ownerName(place.source),
    method: methodName(site.getFunctionName()),
    line: place.line,
    native: script === '' || site.isNative(),
  };
}

const owners = new Map<string, string>();

/**
 * A script's URL or path in the manner of a Java class name, so that JMC's tables read well:
 * `file:///app/src/http/server.js` becomes `app.src.http.server`, `node:internal/fs` `node.internal.fs`,
 * what is in a package counts from there: `express.lib.router`.
 */
export function ownerName(script: string): string {
  let name = owners.get(script);
  if (name !== undefined) return name;
  const path = script
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^node:/, 'node/')
    .replace(/\.[cm]?[jt]sx?$/, '');
  const parts = path.split(/[/\\]+/).filter((part) => part !== '' && part !== '.');
  const home = process.cwd().split('/').filter(Boolean);
  const inside = home.length > 0 && home.every((part, index) => parts[index] === part);
  name = (inside ? parts.slice(home.length) : parts)
    .map((part) => part.replace(/[^\w$]/g, '_'))
    .join('.');
  if (name === '') name = 'native';
  if (owners.size > 10_000) owners.clear();
  owners.set(script, name);
  return name;
}

/** A function's name as a method name: `Server.listen` keeps its last part, nameless is `anonymous`. */
export function methodName(name: string | null | undefined): string {
  if (name === null || name === undefined || name === '') return 'anonymous';
  return name.replace(/^(async|new|get|set) /, '').replace(/\s+/g, '_');
}
