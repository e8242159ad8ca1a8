// SPDX-License-Identifier: Apache-2.0
// `jfr summary`, byte for byte as JDK 25 prints it.
import { type Summary, UNDECLARED } from '../summary.ts';

export function formatSummary(summary: Summary): string {
  const { events } = summary;
  const title = ' Event Type';
  const declared = events.filter(
    ({ name }) =>
      !/^(com\.oracle\.)?jdk\.(Metadata|Checkpoint)$/.test(name) && !name.endsWith(UNDECLARED),
  );
  const width = Math.max(title.length, ...declared.map(({ name }) => name.length));
  const header = '      Count  Size (bytes) ';
  const rows = events.map(
    ({ name, count, bytes }) =>
      ` ${name.padEnd(width)}${String(count).padStart(10)}  ${String(bytes).padStart(12)}`,
  );
  const start = new Date(Number(summary.startNanos / 1_000_000n)).toISOString();
  return [
    '',
    ` Version: ${summary.version}`,
    ` Chunks: ${summary.chunks}`,
    ` Start: ${start.slice(0, 19).replace('T', ' ')} (UTC)`,
    ` Duration: ${(summary.durationNanos + 500_000_000n) / 1_000_000_000n} s`,
    '',
    title + ' '.repeat(width - title.length) + header,
    '='.repeat(width + header.length),
    ...rows,
    '',
  ].join('\n');
}
