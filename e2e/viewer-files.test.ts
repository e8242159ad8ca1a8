// SPDX-License-Identifier: Apache-2.0
// The files that the viewer opens, whole and damaged, and those that it saves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_BROWSER } from './testing/browser.ts';
import { colourOf, legendColours, said, viewerInBrowser } from './testing/viewer-page.ts';
import { log, run, slotsOf } from './testing/viewer-runs.ts';

describe.skipIf(NO_BROWSER !== undefined)('files of the viewer', () => {
  const viewer = viewerInBrowser();

  it('opens the three texts of fireCRaCer', async () => {
    const page = await viewer.open('mem_mapping.txt', 'uffd.log', 'nmt.log');
    await page.keyboard.press('End');
    const owners = await page.getByRole('treeitem').allInnerTexts();
    expect(owners.some((text) => text.includes('Java Heap'))).toBe(true);
    const legend = await legendColours(page);
    const warm = slotsOf(run, 'Java Heap').find((slot) => log.slot.includes(slot))!;
    expect(await colourOf(page, warm)).toBe(legend.get('loaded, selected'));
    expect(await said(page.getByTestId('clock'))).toContain(`of ${run.faults.rows} events`);
    await page.screenshot({ path: join(viewer.shots, 'texts.png') });
  });

  it('opens a recording without a capture, and says what is missing', async () => {
    const page = await viewer.open('bare.jfr');
    await page.getByTestId('stage').waitFor();
    expect(await said(page.locator('header'))).toContain('owners unknown');
  });

  it('shows what is left of a damaged recording, and says so', async () => {
    const page = await viewer.open('cut.jfr');
    const warning = page.getByTestId('warnings');
    expect(await said(warning)).toMatch(/cut\.jfr is damaged: \d+ bytes could not be read/);
    await warning.getByRole('button').click();
    await warning.waitFor({ state: 'detached' });
    expect(viewer.complaints).toEqual([]);
  });

  it('says what is wrong with a file and what to do, and opens the next', async () => {
    const page = await viewer.open('broken.jfr');
    const problem = page.getByTestId('problem');
    expect(await said(problem)).toContain('broken.jfr is damaged');
    expect(await said(problem.locator('.hint'))).not.toBe('');
    await page.screenshot({ path: join(viewer.shots, 'problem.png') });
    const picker = page.locator('input[type=file]').first();
    await picker.setInputFiles(join(viewer.folder, 'letter.txt'));
    await page.getByText('letter.txt is neither a recording').waitFor();
    await picker.setInputFiles(join(viewer.folder, 'run.jfr'));
    await page.getByTestId('stage').waitFor();
  });

  it('saves the picture', async () => {
    const page = await viewer.open('run.jfr');
    const saved = page.waitForEvent('download');
    await page.keyboard.press('s');
    const download = await saved;
    expect(download.suggestedFilename()).toBe('run.png');
    const path = join(viewer.folder, 'saved.png');
    await download.saveAs(path);
    expect([...readFileSync(path).subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(viewer.complaints).toEqual([]);
  });

  it('saves a moving picture that the browser can read', async () => {
    const page = await viewer.open('run.jfr', 'prefetched.jfr');
    await page.keyboard.press('b');
    const saved = page.waitForEvent('download', { timeout: 60_000 });
    await page.keyboard.press('a');
    const download = await saved;
    expect(download.suggestedFilename()).toBe('run-prefetched.gif');
    const path = join(viewer.shots, 'animation.gif');
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
    expect(viewer.complaints).toEqual([]);
  });
});
