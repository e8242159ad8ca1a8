// SPDX-License-Identifier: Apache-2.0
// The flame graph's page in a real browser: it draws, finds, zooms and asks the network for nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { flameGraph, type StackProfile } from '@rekindle/jfr';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, NO_BROWSER } from './testing/browser.ts';

if (NO_BROWSER !== undefined) console.warn(`flame graph in a browser: skipped, ${NO_BROWSER}`);

// main calls slow (75 of 100) and fast (25)
const profile: StackProfile = {
  event: 'jdk.ExecutionSample',
  weightName: 'samples',
  unit: 'count',
  startNanos: 0n,
  durationNanos: 0n,
  frames: ['app.Main.main', 'app.Work.slow', '<b>app.Work.fast</b>'].map((name) => ({
    name,
    line: null,
    kind: 'JIT compiled',
  })),
  stacks: [
    [0, 1],
    [0, 2],
  ],
  threads: [{ name: 'main', id: 1 }],
  stack: Int32Array.from({ length: 100 }, (_, row) => (row < 75 ? 0 : 1)),
  thread: new Int32Array(100),
  nanos: new Float64Array(100),
  weight: new Float64Array(100).fill(1),
};

describe.skipIf(NO_BROWSER !== undefined)('a flame graph in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-e2e-flame-'));
  const requests: string[] = [];
  const complaints: string[] = [];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const file = join(folder, 'flame.html');
    writeFileSync(file, flameGraph(profile, { title: 'a <script>alert(1)</script> & b' }));
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1000, height: 400 } });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(String(pathToFileURL(file)));
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the page says of the frame at a place: a share of the width, and a row from the root. */
  async function at(x: number, row: number): Promise<string> {
    const box = (await page.locator('#graph').boundingBox())!;
    await page.mouse.move(box.x + x * box.width, box.y + row * 18 + 9);
    return (await page.locator('#detail').textContent()) ?? '';
  }

  it('shows a frame as wide as its weight', async () => {
    expect(await page.locator('h1').textContent()).toBe('a <script>alert(1)</script> & b');
    expect(await at(0.5, 1)).toBe(
      'app.Main.main — 100 samples (100.00 %), self 0 samples, JIT compiled',
    );
    expect(await at(0.74, 2)).toContain('app.Work.slow — 75 samples (75.00 %), self 75');
    expect(await at(0.76, 2)).toContain('<b>app.Work.fast</b> — 25 samples (25.00 %)');
    expect(await at(0.5, 9)).toContain('100 samples in all');
  });

  it('finds by regular expression', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('work.SLOW$');
    expect(await page.locator('#matched').textContent()).toBe('matched: 75.00 %');
    await page.locator('#search').fill('(');
    expect(await page.locator('#matched').textContent()).toBe('not a regular expression');
    await page.keyboard.press('Escape');
    expect(await page.locator('#matched').textContent()).toBe('');
  });

  it('zooms into a frame and back', async () => {
    await at(0.9, 2);
    await page.mouse.down();
    await page.mouse.up();
    expect(await at(0.1, 2)).toContain('app.Work.fast');
    await page.locator('#reset').click();
    expect(await at(0.1, 2)).toContain('app.Work.slow');
    await page.locator('#invert').click();
    expect(await at(0.1, 0)).toContain('app.Work.slow');
    await page.locator('#invert').click();
  });

  it('ran without errors, dialogs or requests', () => {
    expect(complaints).toEqual([]);
    expect(requests).toHaveLength(1);
  });
});
