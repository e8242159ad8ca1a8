// SPDX-License-Identifier: Apache-2.0
// The viewer in a real browser: the built page, served by the real server under its real policy.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveViewer, type ViewerServer } from '@rekindle/viewer/server';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { launchBrowser, NO_BROWSER } from './browser.ts';
import { writeRuns } from './viewer-runs.ts';

export interface ViewerInBrowser {
  /** Where the runs are. */
  readonly folder: string;
  /** Where pictures of the page go. */
  readonly shots: string;
  /** What the page had to complain of since it was opened. */
  readonly complaints: readonly string[];
  /** Opens the page on files of these names in the folder. */
  open(...names: string[]): Promise<Page>;
}

/** For the tests of a `describe`: a browser for all, a page and its server for each. */
export function viewerInBrowser(): ViewerInBrowser {
  if (NO_BROWSER !== undefined) console.warn(`viewer in a browser: skipped, ${NO_BROWSER}`);
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-e2e-viewer-'));
  const shots = process.env.REKINDLE_SCREENSHOTS ?? folder;
  const complaints: string[] = [];
  let browser: Browser | undefined;
  let server: ViewerServer | undefined;
  let page: Page | undefined;

  beforeAll(async () => {
    const build = fileURLToPath(new URL('../../packages/viewer/build.mjs', import.meta.url));
    execFileSync(process.execPath, [build, '--quiet'], { stdio: 'inherit' });
    mkdirSync(shots, { recursive: true });
    await writeRuns(folder);
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await page?.close();
    await server?.close();
    server = undefined;
  });

  async function open(...names: string[]): Promise<Page> {
    server = await serveViewer({ files: names.map((name) => join(folder, name)) });
    page = await browser!.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
    complaints.length = 0;
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(server.url);
    await page.locator('[data-testid=stage], [data-testid=problem]').waitFor();
    return page;
  }

  return { folder, shots, complaints, open };
}

/** The console interface of the page, as far as it is used here. */
export interface Rekindle {
  session: {
    view: {
      span: { from: number; to: number };
      playback: { playing: boolean; position: number; seek(position: number): void };
      follow(): void;
      states: { applied: number };
      grid: { cellOf(slot: number): number };
    };
    stage: { reveal(cell: number): void; pointOf(cell: number): { x: number; y: number } };
    redraw(): void;
    changed(): void;
  };
}
declare const rekindle: Rekindle;

/** What an element says, as it is laid out, without the thin spaces in numbers. */
export async function said(element: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: the text as people see it is what is tested
  return (await element.innerText()).replace(/\u2009/g, '');
}

/** Brings a page into view; where it is then, in CSS pixels of the canvas. */
async function reveal(page: Page, slot: number): Promise<{ x: number; y: number }> {
  await page.getByTestId('stage').waitFor();
  return page.evaluate(async (wanted) => {
    const { session } = rekindle;
    const cell = session.view.grid.cellOf(wanted);
    session.stage.reveal(cell);
    session.redraw();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return session.stage.pointOf(cell);
  }, slot);
}

/** The colour of a page on the screen. The pointer is moved away first. */
export async function colourOf(page: Page, slot: number): Promise<string> {
  await page.mouse.move(5, 5);
  const point = await reveal(page, slot);
  return page.evaluate(({ x, y }) => {
    const canvas = document.querySelector('[data-testid=stage]') as HTMLCanvasElement;
    const ratio = window.devicePixelRatio;
    const data = canvas.getContext('2d')!.getImageData(x * ratio, y * ratio, 1, 1).data;
    return `rgb(${data[0]}, ${data[1]}, ${data[2]})`;
  }, point);
}

/** Moves the pointer over a page. */
export async function pointAt(page: Page, slot: number): Promise<void> {
  const { x, y } = await reveal(page, slot);
  const box = (await page.getByTestId('stage').boundingBox())!;
  await page.mouse.move(box.x + x, box.y + y);
}

/** The colours of the legend by what they mean. */
export async function legendColours(page: Page): Promise<Map<string, string>> {
  await page.getByTestId('legend').waitFor();
  const entries = await page
    .getByTestId('legend')
    .locator('li')
    .evaluateAll((items) =>
      items.map((item) => [
        item.textContent ?? '',
        getComputedStyle(item.querySelector('i') as Element).backgroundColor,
      ]),
    );
  return new Map(entries as [string, string][]);
}
