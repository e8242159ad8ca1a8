// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newestJdk } from '../testing/jdk.ts';
import { doubleToString, floatToString, formatFixed } from './java-number.ts';
import { durationToString, offsetDateTimeToString } from './java-time.ts';

// The oracle: Java prints the same bit patterns, and a few that are known to be hard.
const PROGRAM = `
import java.time.*; import java.util.*;
public class Numbers { public static void main(String[] a) {
  Random random = new Random(42); StringBuilder out = new StringBuilder();
  double[] hard = {0, -0.0, 1, 0.1, 100, 1e7, 9999999, 1e-3, 9.999e-4, 2.5, 0.125, 0.375, 1.005, 1e21, 1e22, 123456789.125,
    Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY, 2e-44, 0.5, 1.5, 0.05, 0.95, 99.995, 0.0005};
  for (int i = 0; i < 6000; i++) {
    double d = i < hard.length ? hard[i] : i % 2 == 0 ? Double.longBitsToDouble(random.nextLong()) : random.nextInt(1000000) / 1000.0;
    float f = i < hard.length ? (float) hard[i] : i % 2 == 0 ? Float.intBitsToFloat(random.nextInt()) : random.nextInt(1000000) / 1000f;
    long n = random.nextLong() >> random.nextInt(63);
    int offset = (random.nextInt(37) - 18) * 1800;
    String fixed = Math.abs(d) < 1e15 ? String.format("%.0f %.2f %.6f", d, d, d) : "-";
    out.append(Long.toHexString(Double.doubleToRawLongBits(d))).append('|').append(d).append('|').append(Integer.toHexString(Float.floatToRawIntBits(f))).append('|').append(f).append('|').append(fixed)
      .append('|').append(n).append('|').append(Duration.ofNanos(n)).append('|').append(offset).append('|')
      .append(OffsetDateTime.ofInstant(Instant.ofEpochSecond(0, n), ZoneOffset.ofTotalSeconds(offset))).append('\\n');
  }
  System.out.print(out);
} }`;

test('numbers, durations and times equal what Java prints', (context) => {
  const jdk = newestJdk(19);
  if (!jdk) return context.skip('no JDK of 19 or newer: Double.toString was another before JDK 19');
  const folder = mkdtempSync(join(tmpdir(), 'rekindle-numbers-'));
  try {
    const source = join(folder, 'Numbers.java');
    writeFileSync(source, PROGRAM);
    const run = spawnSync(join(jdk.home, 'bin/java'), [source], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const lines = run.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(6000);
    const view = new DataView(new ArrayBuffer(8));
    for (const line of lines) {
      const [dBits, d, fBits, f, fixed, nanos, duration, offset, moment] = line.split('|') as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      view.setBigUint64(0, BigInt(`0x${dBits}`));
      const double = view.getFloat64(0);
      expect(doubleToString(double)).toBe(d);
      if (fixed !== '-') {
        expect([0, 2, 6].map((p) => formatFixed(double, p)).join(' ')).toBe(fixed);
      }
      view.setUint32(0, Number(`0x${fBits}`));
      expect(floatToString(view.getFloat32(0))).toBe(f);
      expect(durationToString(BigInt(nanos))).toBe(duration);
      expect(offsetDateTimeToString(BigInt(nanos), Number(offset))).toBe(moment);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
