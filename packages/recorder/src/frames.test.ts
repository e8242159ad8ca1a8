// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
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

  it('name what a person wrote, where a source map knows it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'frames-'));
    const text = 'module.exports = function mapped(capture) { return capture(); };';
    writeFileSync(join(directory, 'made.cjs'), `${text}\n//# sourceMappingURL=made.cjs.map\n`);
    // everything on the first line comes from line 10 of the source
    const map = { version: 3, sources: ['lib/written.ts'], names: [], mappings: 'AASA' };
    writeFileSync(join(directory, 'made.cjs.map'), JSON.stringify(map));
    const require = createRequire(import.meta.url);
    const mapped = require(join(directory, 'made.cjs')) as (capture: () => unknown) => unknown;
    function capture(): ReturnType<typeof captureFrames> {
      return captureFrames(1, capture);
    }
    const [frame] = mapped(capture) as ReturnType<typeof captureFrames>;
    rmSync(directory, { recursive: true });
    expect(frame).toMatchObject({ line: 10 });
    expect(frame!.owner).toMatch(/\.lib\.written$/);
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
