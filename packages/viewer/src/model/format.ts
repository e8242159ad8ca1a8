// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

/** Bytes with a binary unit: `62.7 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${units[unit]}`;
}

/** Nanoseconds with a unit: `418 ms`, `17.5 µs`. */
export function nanos(value: number): string {
  const units: [number, string][] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  for (const [size, unit] of units) {
    if (Math.abs(value) >= size) {
      const scaled = value / size;
      const digits = Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
      return `${scaled.toFixed(digits)} ${unit}`;
    }
  }
  return `${Math.round(value)} ns`;
}

/** Nanoseconds as precise as a scale with steps of `step` nanoseconds wants them: `100.25 ms`. */
export function nanosBy(value: number, step: number): string {
  const units: [number, string][] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
    [1, 'ns'],
  ];
  const [size, unit] = units.find(([each]) => Math.abs(value) >= each) ?? [1, 'ns'];
  const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
  return `${(value / size).toFixed(Math.min(digits, 9))} ${unit}`;
}

/** A count with thin spaces between thousands: `12 345`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');
}

/** `1 fault`, `4 019 faults`. */
export function faultCount(value: number): string {
  return `${count(value)} ${value === 1 ? 'fault' : 'faults'}`;
}

/** An address: `0x0000f0a00000`, at least `digits` hexadecimal digits. */
export function address(value: number, digits = 9): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** A share of a whole: `6.1 %`. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const value = (part / whole) * 100;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}
