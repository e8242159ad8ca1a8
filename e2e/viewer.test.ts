// SPDX-License-Identifier: Apache-2.0
// The viewer in a real browser: the built page, served by the real server under its real policy.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAULTED, installLog, type Run, summarize } from '@rekindle/analysis';
import { recordingOf, syntheticRun, textsOf } from '@rekindle/analysis/testing';
import { serveViewer, type ViewerServer } from '@rekindle/viewer/server';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, NO_BROWSER } from './testing/browser.ts';

if (NO_BROWSER !== undefined) console.warn(`viewer in a browser: skipped, ${NO_BROWSER}`);

const folder = mkdtempSync(join(tmpdir(), 'rekindle-e2e-viewer-'));
const shots = process.env.REKINDLE_SCREENSHOTS ?? folder;
const run = syntheticRun('run.jfr', { ram: 512 * 1024 ** 2 });
const prefetched = syntheticRun('prefetched.jfr', { ram: 512 * 1024 ** 2, prefetch: 0.9 });
const log = installLog(run);

let browser: Browser;
let server: ViewerServer | undefined;
let page: Page;
let complaints: string[];

/** Opens the page on files of these names in the folder. */
async function open(...names: string[]): Promise<void> {
  server = await serveViewer({ files: names.map((name) => join(folder, name)) });
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(server.url);
  await page.locator('[data-testid=stage], [data-testid=problem]').waitFor();
}

describe.skipIf(NO_BROWSER !== undefined)('the viewer in a browser', () => {
  beforeAll(async () => {
    const build = fileURLToPath(new URL('../packages/viewer/build.mjs', import.meta.url));
    execFileSync(process.execPath, [build, '--quiet'], { stdio: 'inherit' });
    mkdirSync(shots, { recursive: true });
    writeFileSync(join(folder, 'run.jfr'), await recordingOf(run));
    writeFileSync(join(folder, 'prefetched.jfr'), await recordingOf(prefetched));
    writeFileSync(join(folder, 'bare.jfr'), await recordingOf({ ...run, memory: undefined }));
    const texts = textsOf(run);
    writeFileSync(join(folder, 'mem_mapping.txt'), texts.mappings);
    writeFileSync(join(folder, 'uffd.log'), texts.faultLog);
    writeFileSync(join(folder, 'nmt.log'), texts.nativeMemory);
    const whole = await recordingOf(run);
    writeFileSync(join(folder, 'cut.jfr'), whole.subarray(0, whole.length - 300));
    writeFileSync(join(folder, 'broken.jfr'), whole.subarray(0, 100));
    writeFileSync(join(folder, 'letter.txt'), 'Dear reader,\n');
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

  it('shows a recording that explains itself', async () => {
    await open('run.jfr');
    await page.getByRole('treeitem', { name: /^java/ }).waitFor();
    expect(await said(page.locator('header'))).toContain('512 MiB guest');
    const owners = await page.getByRole('treeitem').allInnerTexts();
    for (const name of ['init', 'rekindle-agent', 'java', 'Java Heap', 'kernel', 'page cache']) {
      expect(
        owners.some((text) => text.includes(name)),
        name,
      ).toBe(true);
    }
    await page.screenshot({ path: join(shots, 'start.png') });
    expect(complaints).toEqual([]);
  });

  it('paints every page in the colour that the legend gives its state', async () => {
    await open('run.jfr');
    const heap = slotsOf(run, 'Java Heap');
    const kernel = slotsOf(run, 'Kernel code');
    const touched = new Set(log.slot);
    const [cold, warm] = [heap.find((s) => !touched.has(s))!, heap.find((s) => touched.has(s))!];
    const [text, used] = [
      kernel.find((s) => touched.has(s))!,
      kernel.find((s) => !touched.has(s))!,
    ];
    const fresh = log.slot.find((slot) => run.graph.ownersOf(slot).length === 0)!;
    const legend = await legendColours();
    expect(await colourOf(warm)).toBe(legend.get('selected'));
    expect(await colourOf(text)).toBe(legend.get('used'));
    expect(await colourOf(fresh)).toBe(legend.get('unused'));
    await page.keyboard.press('End');
    expect(await colourOf(warm)).toBe(legend.get('loaded, selected'));
    expect(await colourOf(cold)).toBe(legend.get('selected'));
    expect(await colourOf(text)).toBe(legend.get('loaded'));
    expect(await colourOf(used)).toBe(legend.get('used'));
    expect(await colourOf(fresh)).toBe(legend.get('new'));
    await page.keyboard.press('Home');
    expect(await colourOf(warm)).toBe(legend.get('selected'));
    await page.keyboard.press('0');
    await page.keyboard.press('End');
    await page.screenshot({ path: join(shots, 'end.png') });
    expect(complaints).toEqual([]);
  });

  it('tells everything about the page under the pointer', async () => {
    await open('run.jfr');
    await page.keyboard.press('End');
    const index = log.slot.findIndex((slot) => slotsOf(run, 'Code').includes(slot));
    const slot = log.slot[index]!;
    await pointAt(slot);
    const told = await said(page.getByTestId('inspector'));
    const address = run.ram.addressOf(slot).toString(16).padStart(9, '0');
    expect(told).toContain(`0x${address}`);
    expect(told).toContain('code cache');
    expect(told).toContain('java 214 Code');
    expect(told).toMatch(/org\.example\.Service\d+\.handle\d+/);
    expect(told).toMatch(/copied on a (read|write) by thread 410\d in [\d.]+ µs/);
    expect(told).toContain(`event ${index + 1} of ${log.length}`);
    await page.screenshot({ path: join(shots, 'hover.png') });
  });

  it('selects what is clicked, in the list and in the grid', async () => {
    await open('run.jfr');
    const text = slotsOf(run, 'Kernel code').find((slot) => !log.slot.includes(slot))!;
    const legend = await legendColours();
    expect(await colourOf(text)).toBe(legend.get('used'));
    await page.locator('[data-owner="kernel"]').click();
    expect(await colourOf(text)).toBe(legend.get('selected'));
    await pointAt(slotsOf(run, 'Java Heap')[0]!);
    await page.mouse.down();
    await page.mouse.up();
    await page.locator('.owner.chosen[data-owner="java"]').waitFor();
    expect(await colourOf(text)).toBe(legend.get('used'));
    await page.locator('[data-owner="java"]').press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await page.locator('.owner.chosen').count()).toBe(1);
    expect(await page.locator('.owner.chosen').getAttribute('data-owner')).not.toBe('java');
  });

  it('plays to the end and counts what the recording says', async () => {
    await open('run.jfr');
    await page.getByLabel('play in').selectOption('2');
    await page.getByTestId('play').click();
    await page.waitForFunction(() => !rekindle.session.view.playback.playing, undefined, {
      timeout: 20_000,
    });
    const { faults, zeroed, copied } = summarize(run);
    const rows = await page.getByTestId('totals').locator('tbody tr').allInnerTexts();
    const figures = new Map(
      rows.map((row) => {
        const [name, ...cells] = row.replace(/\u2009/g, '').split('\t');
        return [name, cells];
      }),
    );
    const twice = (value: number) => [String(value), String(value)];
    expect(figures.get('page faults')).toEqual(twice(faults));
    expect(figures.get('copied')).toEqual(twice(copied));
    expect(figures.get('zeroed')).toEqual(twice(zeroed));
    const clock = await said(page.getByTestId('clock'));
    expect(clock).toContain(`event ${log.length}`);
  });

  it('is worked by keyboard', async () => {
    await open('run.jfr');
    await page.getByTestId('stage').waitFor();
    const applied = () => page.evaluate(() => rekindle.session.view.states.applied);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await applied()).toBe(2);
    await page.keyboard.press('ArrowLeft');
    expect(await applied()).toBe(1);
    await page.keyboard.press('End');
    expect(await applied()).toBe(log.length);
    await page.keyboard.press('4');
    expect(await said(page.getByTestId('legend'))).toContain('java heap');
    await page.keyboard.press('v');
    expect(await said(page.locator('.stage-bar'))).toContain('of java');
    await page.screenshot({ path: join(shots, 'virtual.png') });
    await page.keyboard.press('t');
    await page.locator('html[data-theme=dark]').waitFor();
    await page.keyboard.press('2');
    await page.keyboard.press('v');
    await page.screenshot({ path: join(shots, 'dark-order.png') });
    expect(complaints).toEqual([]);
  });

  it('zooms into the timeline and out again', async () => {
    await open('run.jfr');
    const timeline = page.getByTestId('timeline');
    const box = (await timeline.boundingBox())!;
    const span = () => page.evaluate(() => rekindle.session.view.span);
    const whole = await span();
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    await page.mouse.wheel(0, -600);
    const part = await span();
    expect(part.to - part.from).toBeLessThan((whole.to - whole.from) / 4);
    await page.screenshot({ path: join(shots, 'timeline.png') });
    await page.mouse.click(box.x + box.width / 2, box.y + 60);
    const position = await page.evaluate(() => rekindle.session.view.playback.position);
    expect(position).toBeGreaterThan(part.from);
    expect(position).toBeLessThan(part.to);
    await timeline.dblclick();
    expect(await span()).toEqual(whole);
  });

  it('walks from page to page by keyboard', async () => {
    await open('run.jfr');
    const [slot] = slotsOf(run, 'Kernel code');
    await pointAt(slot!);
    await page.getByTestId('stage').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    const address = run.ram
      .addressOf(slot! + 513)
      .toString(16)
      .padStart(9, '0');
    expect(await said(page.getByTestId('inspector'))).toContain(`0x${address}`);
    await page.keyboard.press('Enter');
    expect(await page.locator('.owner.chosen').getAttribute('data-owner')).toBe('kernel');
  });

  it('finds an address', async () => {
    await open('run.jfr');
    await page.keyboard.press('/');
    await page.keyboard.type('0x1000000');
    await page.keyboard.press('Enter');
    expect(await said(page.getByTestId('inspector'))).toContain('Kernel code');
    await page.getByRole('searchbox').fill('0xffffffff000');
    await page.keyboard.press('Enter');
    expect(await said(page.locator('.search .problem'))).toBe('no page in memory there');
  });

  it('shows two runs and what was prefetched', async () => {
    await open('run.jfr', 'prefetched.jfr');
    await page.getByLabel('Run', { exact: true }).selectOption('prefetched.jfr');
    await page.keyboard.press('End');
    const events = installLog(prefetched);
    const at = events.slot.findIndex((_, i) => events.cause[i] !== FAULTED);
    const legend = await legendColours();
    expect([legend.get('prefetched'), legend.get('prefetched, selected')]).toContain(
      await colourOf(events.slot[at]!),
    );
    await page.screenshot({ path: join(shots, 'prefetched.png') });
  });

  it('plays two runs side by side, on one clock', async () => {
    await open('prefetched.jfr', 'run.jfr');
    await page.keyboard.press('b');
    await page.getByTestId('stage').nth(1).waitFor();
    const heads = page.locator('.stage-head');
    expect(await heads.count()).toBe(2);
    // The longer run is in front; at the moment the other answers, it has not.
    const answer = summarize(prefetched).firstResponse;
    await page.evaluate((nanos) => {
      const { session } = rekindle;
      session.view.playback.seek(nanos);
      session.view.follow();
      session.changed();
    }, answer);
    await page.locator('.stage-head.answered').waitFor();
    expect(await said(heads.nth(0))).toMatch(/run\.jfr[\s\S]*no answer yet/);
    expect(await said(heads.nth(1))).toMatch(/prefetched\.jfr[\s\S]*answered after/);
    await page.screenshot({ path: join(shots, 'beside.png') });
    await page.keyboard.press('b');
    await page.getByTestId('stage').nth(1).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('opens the three texts of fireCRaCer', async () => {
    await open('mem_mapping.txt', 'uffd.log', 'nmt.log');
    await page.keyboard.press('End');
    const owners = await page.getByRole('treeitem').allInnerTexts();
    expect(owners.some((text) => text.includes('Java Heap'))).toBe(true);
    const legend = await legendColours();
    const warm = slotsOf(run, 'Java Heap').find((slot) => log.slot.includes(slot))!;
    expect(await colourOf(warm)).toBe(legend.get('loaded, selected'));
    expect(await said(page.getByTestId('clock'))).toContain(`of ${run.faults.rows} events`);
    await page.screenshot({ path: join(shots, 'texts.png') });
  });

  it('opens a recording without a capture, and says what is missing', async () => {
    await open('bare.jfr');
    await page.getByTestId('stage').waitFor();
    expect(await said(page.locator('header'))).toContain('owners unknown');
  });

  it('shows what is left of a damaged recording, and says so', async () => {
    await open('cut.jfr');
    const warning = page.getByTestId('warnings');
    expect(await said(warning)).toMatch(/cut\.jfr is damaged: \d+ bytes could not be read/);
    await warning.getByRole('button').click();
    await warning.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  it('says what is wrong with a file and what to do, and opens the next', async () => {
    await open('broken.jfr');
    const problem = page.getByTestId('problem');
    expect(await said(problem)).toContain('broken.jfr is damaged');
    expect(await said(problem.locator('.hint'))).not.toBe('');
    await page.screenshot({ path: join(shots, 'problem.png') });
    const picker = page.locator('input[type=file]').first();
    await picker.setInputFiles(join(folder, 'letter.txt'));
    await page.getByText('letter.txt is neither a recording').waitFor();
    await picker.setInputFiles(join(folder, 'run.jfr'));
    await page.getByTestId('stage').waitFor();
  });

  it('reports figures and owners of both runs', async () => {
    await open('run.jfr', 'prefetched.jfr');
    await page.keyboard.press('r');
    const report = page.getByTestId('report');
    const lines = (await said(report)).split('\n');
    const [a, b] = [summarize(run), summarize(prefetched)];
    expect(lines).toContain(`page faults\t${a.faults}\t${b.faults}`);
    expect(lines).toContain(`pages prefetched\t0\t${b.prefetched}`);
    expect(lines.some((line) => line.startsWith('java heap\t'))).toBe(true);
    await page.screenshot({ path: join(shots, 'report.png') });
    expect(complaints).toEqual([]);
  });

  it('saves the picture', async () => {
    await open('run.jfr');
    const saved = page.waitForEvent('download');
    await page.keyboard.press('s');
    const download = await saved;
    expect(download.suggestedFilename()).toBe('run.png');
    const path = join(folder, 'saved.png');
    await download.saveAs(path);
    expect([...readFileSync(path).subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(complaints).toEqual([]);
  });

  it('saves a moving picture that the browser can read', async () => {
    await open('run.jfr', 'prefetched.jfr');
    await page.keyboard.press('b');
    const saved = page.waitForEvent('download', { timeout: 60_000 });
    await page.keyboard.press('a');
    const download = await saved;
    expect(download.suggestedFilename()).toBe('run-prefetched.gif');
    const path = join(shots, 'animation.gif');
    await download.saveAs(path);
    const data = [...readFileSync(path)];
    // The browser's own decoder, frame by frame.
    const frames = await page.evaluate(async (bytes) => {
      const decoder = new ImageDecoder({ data: new Uint8Array(bytes), type: 'image/gif' });
      await decoder.tracks.ready;
      const found: { width: number; colours: number }[] = [];
      for (const frameIndex of [0, 80]) {
        const { image } = await decoder.decode({ frameIndex });
        const canvas = new OffscreenCanvas(image.displayWidth, image.displayHeight);
        const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
        context.drawImage(image, 0, 0);
        const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const words = new Uint32Array(pixels.buffer);
        // Pages that are loaded and selected, in the legend's colour #f08c00.
        found.push({ width: canvas.width, colours: words.filter((w) => w === 0xff008cf0).length });
      }
      return { count: decoder.tracks.selectedTrack?.frameCount, found };
    }, data);
    expect(frames.count).toBe(81);
    expect(frames.found[0]?.colours).toBe(0);
    expect(frames.found[1]?.colours).toBeGreaterThan(1000);
    expect(complaints).toEqual([]);
  });
});

/** The console interface of the page, as far as it is used here. */
interface Rekindle {
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

function slotsOf(of: Run, name: string): number[] {
  return [...of.graph.slotsOf(of.graph.owners.find((owner) => owner.name === name)!.id)];
}

/** What an element says, as it is laid out, without the thin spaces in numbers. */
async function said(element: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: the text as people see it is what is tested
  return (await element.innerText()).replace(/\u2009/g, '');
}

/** Brings a page into view; where it is then, in CSS pixels of the canvas. */
async function reveal(slot: number): Promise<{ x: number; y: number }> {
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
async function colourOf(slot: number): Promise<string> {
  await page.mouse.move(5, 5);
  const point = await reveal(slot);
  return page.evaluate(({ x, y }) => {
    const canvas = document.querySelector('[data-testid=stage]') as HTMLCanvasElement;
    const ratio = window.devicePixelRatio;
    const data = canvas.getContext('2d')!.getImageData(x * ratio, y * ratio, 1, 1).data;
    return `rgb(${data[0]}, ${data[1]}, ${data[2]})`;
  }, point);
}

async function pointAt(slot: number): Promise<void> {
  const { x, y } = await reveal(slot);
  const box = (await page.getByTestId('stage').boundingBox())!;
  await page.mouse.move(box.x + x, box.y + y);
}

async function legendColours(): Promise<Map<string, string>> {
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
