#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Makes docs/images/* from the recordings of the last demo, with the page that is built and the
// browser of this machine.
//
//   npm run screenshots [-- RUN.jfr [PREFETCHED.jfr]]
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('..', import.meta.url));
const images = join(root, 'docs', 'images');
const given = process.argv.slice(2);
const [onDemand, prefetched] =
  given.length > 0
    ? given
    : ['run-ondemand', 'run-prefetch'].map((n) => join(root, 'demo', `${n}.jfr`));

function fail(problem, cure) {
  console.error(`screenshots: ${problem}\n             ${cure}`);
  process.exit(1);
}

function findChromium() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
    }
  }
  return fail('no chromium, chromium-browser or google-chrome on PATH', 'install chromium');
}

if (!existsSync(onDemand)) fail(`${onDemand} is not there`, 'run npm run demo -- --exit first');
const server = join(root, 'packages', 'viewer', 'dist', 'server', 'index.js');
if (!existsSync(server)) fail('the viewer is not built', 'run npm run build first');
const { serveViewer } = await import(server);

/** What is in each picture: which run, which scheme, and what is done to the page. */
const shots = [
  {
    name: 'viewer',
    act: async (page) => {
      await seek(page, 0.6);
      await pointAtOwner(page, 'Code');
    },
  },
  { name: 'viewer-dark', dark: true, act: (page) => seek(page, 0.6) },
  {
    name: 'viewer-order',
    act: async (page) => {
      await page.keyboard.press('End');
      await page.keyboard.press('2');
    },
  },
  {
    name: 'viewer-virtual',
    act: async (page) => {
      await page.keyboard.press('End');
      await page.keyboard.press('4');
      await page.keyboard.press('v');
    },
  },
  {
    name: 'viewer-prefetched',
    second: true,
    act: async (page) => {
      await page.keyboard.press('End');
    },
  },
  {
    name: 'viewer-side-by-side',
    both: true,
    act: async (page) => {
      await page.keyboard.press('b');
      await page.getByTestId('stage').nth(1).waitFor();
      await seek(page, 0.8);
    },
  },
  { name: 'viewer-report', both: true, act: (page) => page.keyboard.press('r') },
];

/** Moves the playhead to a share of the whole. */
async function seek(page, share) {
  await page.evaluate((to) => {
    const { session } = globalThis.rekindle;
    session.view.playback.seek(session.view.playback.length * to);
    session.view.follow();
    session.changed();
  }, share);
}

/** Puts the pointer on a loaded page of an owner, without moving the grid. */
async function pointAtOwner(page, name) {
  const point = await page.evaluate((wanted) => {
    const { view, stage } = globalThis.rekindle.session;
    const owner = view.graph.owners.find((each) => each.name === wanted);
    if (owner === undefined) return undefined;
    const slots = [...view.graph.slotsOf(owner.id)].filter((slot) => view.states.event[slot] >= 0);
    const slot = slots[slots.length >> 1];
    return slot === undefined ? undefined : stage.pointOf(view.grid.cellOf(slot));
  }, name);
  const box = await page.getByTestId('stage').boundingBox();
  if (point && box) await page.mouse.move(box.x + point.x, box.y + point.y);
}

/** The two runs on one clock, as a moving picture that the page itself makes. */
async function saveAnimation(browser) {
  const viewer = await serveViewer({ files: [onDemand, prefetched] });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(viewer.url);
  await page.getByTestId('stage').waitFor();
  await page.keyboard.press('b');
  await page.getByTestId('stage').nth(1).waitFor();
  await page.locator('.stage-bar select').selectOption('512');
  const download = page.waitForEvent('download', { timeout: 120_000 });
  await page.keyboard.press('a');
  const path = join(images, 'restore.gif');
  await (await download).saveAs(path);
  await page.close();
  await viewer.close();
  console.log(path);
}

mkdirSync(images, { recursive: true });
// Chromium refuses its sandbox to root.
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: findChromium(), args });
try {
  const havePrefetched = prefetched !== undefined && existsSync(prefetched);
  if (havePrefetched) await saveAnimation(browser);
  for (const { name, dark = false, second = false, both = false, act } of shots) {
    if ((second || both) && !havePrefetched) continue;
    const files = both ? [onDemand, prefetched] : [second ? prefetched : onDemand];
    const viewer = await serveViewer({ files });
    const page = await browser.newPage({
      viewport: { width: 1440, height: 900 },
      deviceScaleFactor: 1.5,
      colorScheme: dark ? 'dark' : 'light',
    });
    await page.goto(viewer.url);
    await page.getByTestId('stage').waitFor();
    await act(page);
    await page.waitForTimeout(200);
    const path = join(images, `${name}.png`);
    await page.screenshot({ path });
    await page.close();
    await viewer.close();
    console.log(path);
  }
} finally {
  await browser.close();
}
