// SPDX-License-Identifier: Apache-2.0
// Every way to restore a snapshot, and several restores at once: what their recordings say is read by the JDK and seen
// in the viewer.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openSnapshot, restoreVm } from '@rekindle/microvm';
import { PAGER_POLICIES, PagerProcess, sharedPathFor } from '@rekindle/pager';
import { serveViewer } from '@rekindle/viewer/server';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killPager } from '../packages/pager/src/testing/guest.ts';
import { launchBrowser, NO_BROWSER } from './testing/browser.ts';
import { Rekindle } from './testing/rekindle.ts';
import { demoGuest, isolatedState, leftBehind, NOTHING, SERVICE, until } from './testing/vms.ts';

const state = isolatedState();
const snapshot = join(state.directory, 'shop.snapshot');
const command = new Rekindle(state.directory);
const shots = process.env.REKINDLE_SCREENSHOTS ?? state.directory;
const accept = SERVICE.accept as NonNullable<typeof SERVICE.accept>;

interface Figures {
  readonly name: string;
  readonly policy: string;
  readonly pager?: {
    readonly faults: number;
    readonly prefetched: number;
    readonly shared: number;
  };
}

beforeAll(async () => {
  await demoGuest();
  command.json('run', 'shop', '--detach');
  command.json('snapshot', 'shop', snapshot);
  expect(command.run('kill', 'shop').status).toBe(0);
  command.json('restore', snapshot, '--pager', 'on-demand', '--record', 'learn.jfr', '--exit');
  command.json('workingset', 'build', snapshot, 'learn.jfr');
});

afterAll(async () => {
  await until(() => leftBehind(state.directory).processes.length === 0);
  expect(leftBehind(state.directory)).toEqual(NOTHING);
  state.remove();
});

/** How many events of each of our types the JDK counts. */
function eventsOf(record: string): (type: string) => number {
  const summary = execFileSync('jfr', ['summary', record], { encoding: 'utf8' });
  return (type) => Number(new RegExp(`rekindle\\.${type} +(\\d+)`).exec(summary)?.[1] ?? 0);
}

const recordOf = (policy: string): string => join(state.directory, `${policy}.jfr`);
const POLICIES = ['file', ...PAGER_POLICIES] as const;

describe('the recording of a restore', () => {
  test.each(POLICIES)('%s: the JDK counts in it what the pager did', (policy) => {
    const record = recordOf(policy);
    const figures = command.json<Figures>(
      ...['restore', snapshot, '--pager', policy, '--record', record, '--exit'],
    );
    expect(figures.policy).toBe(policy);
    const count = eventsOf(record);
    expect(count('VmPhase')).toBeGreaterThanOrEqual(4);
    expect(count('PageOwner')).toBeGreaterThan(100);
    expect(count('PageFault')).toBe(figures.pager?.faults ?? 0);
    expect(count('PagerSummary')).toBe(policy === 'file' ? 0 : 1);
    const printed = execFileSync('jfr', ['print', '--events', 'rekindle.Prefetch', record], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const pages = [...printed.matchAll(/^ +pages = (\d+)/gm)].map(([, number]) => Number(number));
    expect(pages.reduce((sum, number) => sum + number, 0)).toBe(figures.pager?.prefetched ?? 0);
    if (policy === 'prefetch') expect(figures.pager?.prefetched).toBeGreaterThan(1000);
  });

  describe.skipIf(NO_BROWSER !== undefined)('in the viewer', () => {
    let browser: Browser;
    beforeAll(async () => {
      mkdirSync(shots, { recursive: true });
      browser = await launchBrowser();
    });
    afterAll(() => browser?.close());

    test.each(POLICIES)('%s: explains itself, without a complaint', async (policy) => {
      const server = await serveViewer({ files: [recordOf(policy)] });
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      try {
        await page.goto(server.url);
        await page.locator('[data-testid=stage], [data-testid=problem]').waitFor();
        await page.getByRole('treeitem', { name: /^java/ }).waitFor();
        expect(await page.locator('header').textContent()).toContain('512 MiB guest');
        await page.keyboard.press('End');
        await page.screenshot({ path: join(shots, `policy-${policy}.png`) });
        expect(complaints).toEqual([]);
      } finally {
        await page.close();
        await server.close();
      }
    });
  });
});

describe('clones', () => {
  test('by one command: each answers, has a recording of its own, and shares memory', () => {
    const clones = command.json<Figures[]>(
      ...['restore', snapshot, '--clones', '3', '--pager', 'prefetch', '--record', 'clone.jfr'],
      '--exit',
    );
    expect(clones.map(({ name }) => name)).toEqual(['shop-1', 'shop-2', 'shop-3']);
    for (const [index, { pager }] of clones.entries()) {
      expect(pager?.shared).toBeGreaterThan(1000);
      const count = eventsOf(join(state.directory, `clone-${index + 1}.jfr`));
      expect(count('PageFault')).toBe(pager?.faults);
      expect(count('PagerSummary')).toBe(1);
    }
    expect(leftBehind(state.directory)).toEqual(NOTHING);
  });

  test.each([
    ['--tap', 'tap0'],
    ['--publish', '8000:8080'],
  ])('cannot all have %s %s', (...flags) => {
    const { status, stderr } = command.run('restore', snapshot, '--clones', '2', ...flags);
    expect(status).toBe(2);
    expect(stderr).toContain('--clones');
  });

  test('one that cannot come up leaves none behind', () => {
    command.json('restore', snapshot, '--detach', '--name', 'pair-2');
    const { status, stderr } = command.run('restore', snapshot, '--clones', '2', '--name', 'pair');
    expect(status).toBe(1);
    expect(stderr).toContain('[VM_EXISTS]');
    expect(command.json<object[]>('ps')).toMatchObject([{ name: 'pair-2' }]);
    expect(command.run('kill', '--all').status).toBe(0);
  });

  test('their one pager killed: another takes all of them over, and all answer, each for itself', async () => {
    const opened = openSnapshot(snapshot);
    if (opened.kind !== 'rekindle') throw new Error('not a snapshot of ours');
    const shared = sharedPathFor({
      memoryPath: join(snapshot, 'memory'),
      snapshotHash: opened.manifest.files.memory.sha256,
    });
    const pagerProcess = new PagerProcess();
    const options = { policy: 'on-demand', share: true, accept, pagerProcess } as const;
    const clones = await Promise.all(
      ['one', 'two', 'three'].map((name) => restoreVm(snapshot, { name, ...options })),
    );
    pagerProcess.close();
    try {
      const ask = async (): Promise<void> => {
        for (const { machine } of clones) {
          const answer = await fetch(`http://127.0.0.1:${machine.endpoints[0]!.port}/`);
          expect(accept(await answer.text(), answer.status)).toBe(true);
        }
      };
      await ask();
      killPager(pagerProcess);
      await until(() => clones.every(({ pager }) => pager?.replaced === 1));
      await ask();
      expect(new Set(clones.map(({ pager }) => pager?.pid)).size).toBe(1);
      const pages = statSync(shared).blocks / 8;
      // Each mapped most of what there is, and it is there once.
      for (const clone of clones) {
        expect((await clone.close()).pager?.shared).toBeGreaterThan(pages / 2);
      }
    } finally {
      for (const clone of clones) await clone.close().catch(() => {});
    }
    expect(existsSync(shared)).toBe(false);
  });
});
