// SPDX-License-Identifier: Apache-2.0
// What the viewer shows of one run and of two, in a real browser.
import { join } from 'node:path';
import { FAULTED, installLog, summarize } from '@rekindle/analysis';
import { describe, expect, it } from 'vitest';
import { NO_BROWSER } from './testing/browser.ts';
import {
  colourOf,
  legendColours,
  pointAt,
  type Rekindle,
  said,
  viewerInBrowser,
} from './testing/viewer-page.ts';
import { log, prefetched, run, slotsOf } from './testing/viewer-runs.ts';

declare const rekindle: Rekindle;

describe.skipIf(NO_BROWSER !== undefined)('the viewer in a browser', () => {
  const viewer = viewerInBrowser();

  it('shows a recording that explains itself', async () => {
    const page = await viewer.open('run.jfr');
    await page.getByRole('treeitem', { name: /^java/ }).waitFor();
    expect(await said(page.locator('header'))).toContain('512 MiB guest');
    const owners = await page.getByRole('treeitem').allInnerTexts();
    for (const name of ['init', 'rekindle-agent', 'java', 'Java Heap', 'kernel', 'page cache']) {
      expect(
        owners.some((text) => text.includes(name)),
        name,
      ).toBe(true);
    }
    await page.screenshot({ path: join(viewer.shots, 'start.png') });
    expect(viewer.complaints).toEqual([]);
  });

  it('paints every page in the colour that the legend gives its state', async () => {
    const page = await viewer.open('run.jfr');
    const heap = slotsOf(run, 'Java Heap');
    const kernel = slotsOf(run, 'Kernel code');
    const touched = new Set(log.slot);
    const [cold, warm] = [heap.find((s) => !touched.has(s))!, heap.find((s) => touched.has(s))!];
    const [text, used] = [
      kernel.find((s) => touched.has(s))!,
      kernel.find((s) => !touched.has(s))!,
    ];
    const fresh = log.slot.find((slot) => run.graph.ownersOf(slot).length === 0)!;
    const legend = await legendColours(page);
    expect(await colourOf(page, warm)).toBe(legend.get('selected'));
    expect(await colourOf(page, text)).toBe(legend.get('used'));
    expect(await colourOf(page, fresh)).toBe(legend.get('unused'));
    await page.keyboard.press('End');
    expect(await colourOf(page, warm)).toBe(legend.get('loaded, selected'));
    expect(await colourOf(page, cold)).toBe(legend.get('selected'));
    expect(await colourOf(page, text)).toBe(legend.get('loaded'));
    expect(await colourOf(page, used)).toBe(legend.get('used'));
    expect(await colourOf(page, fresh)).toBe(legend.get('new'));
    await page.keyboard.press('Home');
    expect(await colourOf(page, warm)).toBe(legend.get('selected'));
    await page.keyboard.press('0');
    await page.keyboard.press('End');
    await page.screenshot({ path: join(viewer.shots, 'end.png') });
    expect(viewer.complaints).toEqual([]);
  });

  it('tells everything about the page under the pointer', async () => {
    const page = await viewer.open('run.jfr');
    await page.keyboard.press('End');
    const index = log.slot.findIndex((slot) => slotsOf(run, 'Code').includes(slot));
    const slot = log.slot[index]!;
    await pointAt(page, slot);
    const told = await said(page.getByTestId('inspector'));
    const address = run.ram.addressOf(slot).toString(16).padStart(9, '0');
    expect(told).toContain(`0x${address}`);
    expect(told).toContain('code cache');
    expect(told).toContain('java 214 Code');
    expect(told).toMatch(/org\.example\.Service\d+\.handle\d+/);
    expect(told).toMatch(/copied on a (read|write) by thread 410\d in [\d.]+ µs/);
    expect(told).toContain(`event ${index + 1} of ${log.length}`);
    await page.screenshot({ path: join(viewer.shots, 'hover.png') });
  });

  it('plays to the end and counts what the recording says', async () => {
    const page = await viewer.open('run.jfr');
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

  it('shows two runs and what was prefetched', async () => {
    const page = await viewer.open('run.jfr', 'prefetched.jfr');
    await page.getByLabel('Run', { exact: true }).selectOption('prefetched.jfr');
    await page.keyboard.press('End');
    const events = installLog(prefetched);
    const at = events.slot.findIndex((_, i) => events.cause[i] !== FAULTED);
    const legend = await legendColours(page);
    expect([legend.get('prefetched'), legend.get('prefetched, selected')]).toContain(
      await colourOf(page, events.slot[at]!),
    );
    await page.screenshot({ path: join(viewer.shots, 'prefetched.png') });
  });

  it('plays two runs side by side, on one clock', async () => {
    const page = await viewer.open('prefetched.jfr', 'run.jfr');
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
    await page.screenshot({ path: join(viewer.shots, 'beside.png') });
    await page.keyboard.press('b');
    await page.getByTestId('stage').nth(1).waitFor({ state: 'detached' });
    expect(viewer.complaints).toEqual([]);
  });

  it('reports figures and owners of both runs', async () => {
    const page = await viewer.open('run.jfr', 'prefetched.jfr');
    await page.keyboard.press('r');
    const report = page.getByTestId('report');
    const lines = (await said(report)).split('\n');
    const [a, b] = [summarize(run), summarize(prefetched)];
    expect(lines).toContain(`page faults\t${a.faults}\t${b.faults}`);
    expect(lines).toContain(`pages prefetched\t0\t${b.prefetched}`);
    expect(lines.some((line) => line.startsWith('java heap\t'))).toBe(true);
    await page.screenshot({ path: join(viewer.shots, 'report.png') });
    expect(viewer.complaints).toEqual([]);
  });
});
