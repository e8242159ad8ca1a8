// SPDX-License-Identifier: Apache-2.0
// Numbers as Java prints them: Double.toString and Float.toString of JDK 19 and later (shortest decimal
// that reads back, JDK-4511638) and the `%.nf` of java.util.Formatter, which rounds half up on that
// shortest decimal and not on the binary value as JavaScript's toFixed does.

/** `Double.toString`. */
export function doubleToString(value: number): string {
  // Here JavaScript writes the same, but for the `.0`.
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e7) {
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
  return javaForm(value, String(value));
}

/** `Float.toString`; `value` must be a float32 (the result of Math.fround). */
export function floatToString(value: number): string {
  if (!Number.isFinite(value) || value === 0) return javaForm(value, String(value));
  const plain = plainFloat(value);
  if (plain !== undefined) return plain;
  // The decimal with the fewest digits that rounds to the same float32; nine always suffice.
  let digits = 1;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return javaForm(value, String(Number(nearestEven(value, digits))));
}

/**
 * A float of 0.001 to 10^7 by arithmetic of doubles, where that decides: 2^-53 of nine digits is far
 * smaller than what could turn a rounding. Undefined for the others.
 */
function plainFloat(value: number): string | undefined {
  const magnitude = Math.abs(value);
  if (!(magnitude >= 1e-3 && magnitude < 1e7)) return undefined;
  let power = 1;
  for (let places = 0; places <= 11; places++, power *= 10) {
    const scaled = magnitude * power;
    if (scaled >= 1e9) return undefined;
    const whole = Math.floor(scaled);
    const rest = scaled - whole;
    if (Math.abs(rest - 0.5) < 1e-5) {
      // half-way, or so near that it takes all digits to tell: only then does it matter whether it fits
      if (fits(whole, power, magnitude) || fits(whole + 1, power, magnitude)) return undefined;
      continue;
    }
    const digits = rest < 0.5 ? whole : whole + 1;
    if (!fits(digits, power, magnitude)) continue;
    const sign = value < 0 ? '-' : '';
    if (places === 0) return `${sign}${digits}.0`;
    const fraction = digits % power;
    const head = (digits - fraction) / power;
    return `${sign}${head}.${String(fraction).padStart(places, '0')}`;
  }
  return undefined;
}

function fits(digits: number, power: number, float: number): boolean {
  return Math.fround(digits / power) === float;
}

/** As toPrecision, but a value half-way between two decimals goes to the even one, as Java has it. */
function nearestEven(value: number, digits: number): string {
  const up = value.toPrecision(digits);
  const exact = value.toPrecision(digits + 1);
  const [mantissa = '', power = '0'] = exact.split('e');
  if (!mantissa.endsWith('5') || Number(exact) !== value) return up;
  const down = `${mantissa.slice(0, -1)}e${power}`;
  const isEven = '02468'.includes(mantissa.replace('.', '').at(-2) ?? '');
  return isEven && Math.fround(Number(down)) === value ? down : up;
}

function javaForm(value: number, shortest: string): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const sign = value < 0 ? '-' : '';
  // Java wants two digits at least, and takes the two that are nearest: 4.9E-324 where JavaScript says 5e-324.
  const short = decimal(shortest);
  const { digits, exponent } = short.digits.length > 1 ? short : decimal(value.toPrecision(2));
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e7) {
    if (exponent <= 0) return `${sign}0.${'0'.repeat(-exponent)}${digits}`;
    const whole = digits.slice(0, exponent).padEnd(exponent, '0');
    return `${sign}${whole}.${digits.slice(exponent) || '0'}`;
  }
  return `${sign}${digits[0]}.${digits.slice(1) || '0'}E${exponent - 1}`;
}

/** Splits JavaScript's shortest form into significant digits and exponent: value = 0.digits * 10^exponent. */
function decimal(text: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const leading = /^0*/.exec(all)?.[0].length ?? 0;
  const digits = all.slice(leading).replace(/0+$/, '') || '0';
  return { digits, exponent: whole.length - leading + Number(power) };
}

/** `String.format("%.<precision>f", value)` in a locale with a decimal point. */
export function formatFixed(value: number, precision: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const { digits, exponent } = decimal(String(Math.abs(value)));
  // Scaled to an integer with `precision` fraction digits, the rest decides the rounding.
  const kept = Math.max(0, exponent + precision);
  const padded = '0'.repeat(Math.max(0, -(exponent + precision))) + digits;
  const head = exponent + precision >= 0 ? digits.slice(0, kept).padEnd(kept, '0') : '';
  const next = exponent + precision >= 0 ? (digits[kept] ?? '0') : (padded[0] ?? '0');
  let integer = BigInt(head || '0');
  if (next >= '5') integer += 1n;
  const text = integer.toString().padStart(precision + 1, '0');
  if (precision === 0) return sign + text;
  return `${sign}${text.slice(0, -precision)}.${text.slice(-precision)}`;
}
