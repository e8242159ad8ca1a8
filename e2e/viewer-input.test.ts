// SPDX-License-Identifier: Apache-2.0
// The viewer under pointer and keyboard, in a real browser.
import { join } from 'node:path';
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
import { log, run, slotsOf } from './testing/viewer-runs.ts';

declare const rekindle: Rekindle;

describe.skipIf(NO_BROWSER !== undefined)('the viewer, pointed at and typed to', () => {
  const viewer = viewerInBrowser();

  it('selects what is clicked, in the list and in the grid', async () => {
    const page = await viewer.open('run.jfr');
    const text = slotsOf(run, 'Kernel code').find((slot) => !log.slot.includes(slot))!;
    const legend = await legendColours(page);
    expect(await colourOf(page, text)).toBe(legend.get('used'));
    await page.locator('[data-owner="kernel"]').click();
    expect(await colourOf(page, text)).toBe(legend.get('selected'));
    await pointAt(page, slotsOf(run, 'Java Heap')[0]!);
    await page.mouse.down();
    await page.mouse.up();
    await page.locator('.owner.chosen[data-owner="java"]').waitFor();
    expect(await colourOf(page, text)).toBe(legend.get('used'));
    await page.locator('[data-owner="java"]').press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await page.locator('.owner.chosen').count()).toBe(1);
    expect(await page.locator('.owner.chosen').getAttribute('data-owner')).not.toBe('java');
  });

  it('is worked by keyboard', async () => {
    const page = await viewer.open('run.jfr');
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
    await page.screenshot({ path: join(viewer.shots, 'virtual.png') });
    await page.keyboard.press('t');
    await page.locator('html[data-theme=dark]').waitFor();
    await page.keyboard.press('2');
    await page.keyboard.press('v');
    await page.screenshot({ path: join(viewer.shots, 'dark-order.png') });
    expect(viewer.complaints).toEqual([]);
  });

  it('zooms into the timeline and out again', async () => {
    const page = await viewer.open('run.jfr');
    const timeline = page.getByTestId('timeline');
    const box = (await timeline.boundingBox())!;
    const span = () => page.evaluate(() => rekindle.session.view.span);
    const whole = await span();
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    await page.mouse.wheel(0, -600);
    const part = await span();
    expect(part.to - part.from).toBeLessThan((whole.to - whole.from) / 4);
    await page.screenshot({ path: join(viewer.shots, 'timeline.png') });
    await page.mouse.click(box.x + box.width / 2, box.y + 60);
    const position = await page.evaluate(() => rekindle.session.view.playback.position);
    expect(position).toBeGreaterThan(part.from);
    expect(position).toBeLessThan(part.to);
    await timeline.dblclick();
    expect(await span()).toEqual(whole);
  });

  it('walks from page to page by keyboard', async () => {
    const page = await viewer.open('run.jfr');
    const [slot] = slotsOf(run, 'Kernel code');
    await pointAt(page, slot!);
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
    const page = await viewer.open('run.jfr');
    await page.keyboard.press('/');
    await page.keyboard.type('0x1000000');
    await page.keyboard.press('Enter');
    expect(await said(page.getByTestId('inspector'))).toContain('Kernel code');
    await page.getByRole('searchbox').fill('0xffffffff000');
    await page.keyboard.press('Enter');
    expect(await said(page.locator('.search .problem'))).toBe('no page in memory there');
  });
});
