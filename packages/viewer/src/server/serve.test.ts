// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveViewer, type ViewerServer } from './serve.ts';

let folder: string;
let server: ViewerServer;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rekindle-viewer-'));
  mkdirSync(join(folder, 'web/assets'), { recursive: true });
  writeFileSync(join(folder, 'web/index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'web/assets/a.js'), 'export {}');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'a run & more.jfr'), 'FLR');
  server = await serveViewer({
    files: [join(folder, 'a run & more.jfr')],
    root: join(folder, 'web'),
  });
  port = Number(new URL(server.url).port);
});

afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A request with the path exactly as given; `fetch` would tidy it up. */
function ask(path: string, options: { method?: string; host?: string } = {}) {
  const { method = 'GET', host = `127.0.0.1:${port}` } = options;
  return new Promise<{ status: number; body: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const asked = request({ port, path, method, headers: { host } }, (response) => {
        let body = '';
        response.on('data', (part) => (body += part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
      });
      asked.on('error', reject).end();
    },
  );
}

describe('the viewer on loopback', () => {
  it('serves the page and names the files in its address', async () => {
    const { searchParams, pathname, hostname } = new URL(server.url);
    expect(hostname).toBe('127.0.0.1');
    expect((await ask(pathname)).body).toBe('<!doctype html>');
    const [file] = searchParams.getAll('open');
    expect(file).toBe('/files/0/a%20run%20%26%20more.jfr');
    expect(await ask(file!)).toMatchObject({ status: 200, body: 'FLR' });
  });

  it('forbids everything that the page does not need', async () => {
    const { headers } = await ask('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/files/0/../../secret.txt',
    '/files/1/secret.txt',
    '//etc/passwd',
    '/assets',
    '/%00',
  ])('has no %s', async (path) => {
    const { status, body } = await ask(path);
    expect([status, body]).toEqual([404, 'not found\n']);
  });

  it('answers nobody who came by another name, and nothing but reading', async () => {
    expect((await ask('/', { host: 'evil.example' })).status).toBe(403);
    expect((await ask('/', { host: `localhost:${port}` })).status).toBe(200);
    expect((await ask('/', { method: 'POST' })).status).toBe(405);
    expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  it.each([
    ['a file that is not there', () => ({ files: ['/no/such.jfr'] }), 'no-file'],
    ['a directory', () => ({ files: [folder] }), 'no-file'],
    ['a page that is not built', () => ({ files: [], root: join(folder, 'nothing') }), 'not-built'],
    ['a port that is taken', () => ({ files: [], port }), 'port-taken'],
  ])('refuses %s with a hint', async (_, options, code) => {
    const attempt = serveViewer({ root: join(folder, 'web'), ...options() });
    await expect(attempt).rejects.toMatchObject({ code, hint: expect.stringMatching(/\w+/) });
  });
});
