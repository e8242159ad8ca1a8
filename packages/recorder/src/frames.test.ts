// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { captureFrames, methodName, ownerName } from './frames.ts';

describe('stack traces', () => {
  it('begin with the caller, as deep as asked for', () => {
    function inner(): ReturnType<typeof captureFrames> {
      return captureFrames(3, inner);
    }
    function outer(): ReturnType<typeof captureFrames> {
      return inner();
    }
    const frames = outer();
    expect(frames).toHaveLength(3);
    expect(frames[0]).toMatchObject({ method: 'outer', native: false });
    expect(frames[0]!.owner).toMatch(/recorder\.src\.frames_test$/);
    expect(frames[0]!.line).toBeGreaterThan(10);
  });

  it('leave the ways of Error as they were', () => {
    const prepare = (): string => 'mine';
    const before = { limit: Error.stackTraceLimit, prepare: Error.prepareStackTrace };
    Error.prepareStackTrace = prepare;
    Error.stackTraceLimit = 7;
    try {
      captureFrames(20, captureFrames);
      expect(Error.prepareStackTrace).toBe(prepare);
      expect(Error.stackTraceLimit).toBe(7);
      expect(new Error('x').stack).toBe('mine');
    } finally {
      Error.prepareStackTrace = before.prepare as never;
      Error.stackTraceLimit = before.limit;
    }
  });

  it.each([
    [pathToFileURL(join(process.cwd(), 'src/http/server.js')).href, 'src.http.server'],
    ['/elsewhere/app/main.mjs', 'elsewhere.app.main'],
    ['/app/node_modules/express/lib/router/index.js', 'express.lib.router.index'],
    ['/app/node_modules/@scope/pkg/a-b.js', '_scope.pkg.a_b'],
    ['node:internal/fs/utils', 'node.internal.fs.utils'],
    ['', 'native'],
  ])('name %j as the class %s', (script, name) => {
    expect(ownerName(script)).toBe(name);
  });

  it.each([
    ['async Server.listen', 'Server.listen'],
    ['get size', 'size'],
    ['new Thing', 'Thing'],
    ['', 'anonymous'],
    [null, 'anonymous'],
  ])('name %j as the method %s', (name, method) => {
    expect(methodName(name)).toBe(method);
  });
});
