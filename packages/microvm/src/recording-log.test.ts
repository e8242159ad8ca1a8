// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { monotonicNow } from './log.ts';
import { recordingVmLog } from './recording-log.ts';

test('what a VM went through is read by the JDK as it was written', () => {
  const directory = mkdtempSync(join(tmpdir(), 'recording-log-'));
  try {
    const file = join(directory, 'host.jfr');
    const log = recordingVmLog(file);
    const start = monotonicNow() - 5_000_000n;
    const vm = { name: 'shop', engine: 'qemu', accelerator: 'tcg' };
    log.phase(vm, 'boot', start);
    log.phase(vm, 'first-response', start);
    log.request('shop', 'QMP', 'migrate', start, 1, 'no such file');
    log.probe('http://127.0.0.1:1/', 200, 3, start);
    log.close();
    const text = execFileSync('jfr', ['print', '--json', '--events', 'rekindle.*', file], {
      encoding: 'utf8',
    });
    const { events } = JSON.parse(text).recording as {
      events: { type: string; values: Record<string, unknown> }[];
    };
    const of = (name: string) => events.filter(({ type }) => type === name).map((e) => e.values);
    expect(of('rekindle.VmPhase')).toMatchObject([
      { vm: 'shop', phase: 'boot', engine: 'qemu', accelerator: 'tcg' },
      { vm: 'shop', phase: 'first-response' },
    ]);
    const milliseconds =
      Number(/^PT([\d.]+)S$/.exec(String(of('rekindle.VmPhase')[0]?.duration))?.[1]) * 1000;
    expect(milliseconds).toBeGreaterThanOrEqual(5);
    expect(milliseconds).toBeLessThan(1000);
    expect(of('rekindle.VmmRequest')).toMatchObject([
      { vm: 'shop', method: 'QMP', path: 'migrate', status: 1, error: 'no such file' },
    ]);
    expect(of('rekindle.HttpProbe')).toMatchObject([
      { url: 'http://127.0.0.1:1/', status: 200, attempt: 3 },
    ]);
    expect(of('rekindle.ClockAnchor')).toHaveLength(2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
