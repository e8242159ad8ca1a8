// SPDX-License-Identifier: Apache-2.0
// Values of settings and options as JFR writes them: "20 ms", "10s", "250M".

const NANOS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
};

const BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Nanoseconds of "20 ms", "20ms", "1 h", "infinity"; a bare 0 is 0. Undefined: no timespan. */
export function parseTimespan(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === 'infinity') return Number.POSITIVE_INFINITY;
  if (trimmed === '0') return 0;
  const match = /^(\d+)\s*(ns|us|ms|s|m|h|d)$/.exec(trimmed);
  if (match === null) return undefined;
  return Number(match[1]) * NANOS[match[2]!]!;
}

/** Bytes of "250M", "8k", "100". Undefined: no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)\s*([kmg]?)b?$/i.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * BYTES[match[2]!.toLowerCase()]!;
}

/** The shortest JFR spelling of a number of nanoseconds: "20 ms". */
export function formatTimespan(nanos: number): string {
  if (nanos === Number.POSITIVE_INFINITY) return 'infinity';
  if (nanos === 0) return '0 ns';
  for (const unit of ['d', 'h', 'm', 's', 'ms', 'us']) {
    if (nanos % NANOS[unit]! === 0) return `${nanos / NANOS[unit]!} ${unit}`;
  }
  return `${nanos} ns`;
}
