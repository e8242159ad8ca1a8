// SPDX-License-Identifier: Apache-2.0
// Times as java.time prints them. A moment is nanoseconds since the Unix epoch, a duration nanoseconds;
// both are bigint here, because neither fits 2^53.

const SECOND = 1_000_000_000n;

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** `Duration.toString`, for example `PT0.000012345S`, `PT1H2M3S`, `PT-0.5S`. */
export function durationToString(nanos: bigint): string {
  if (nanos === 0n) return 'PT0S';
  let seconds = floorDiv(nanos, SECOND);
  const fraction = nanos - seconds * SECOND;
  // java.time keeps a negative duration as floor seconds plus a positive fraction, and prints it so
  // that the parts share the sign.
  if (seconds < 0n && fraction > 0n) seconds += 1n;
  const hours = seconds / 3600n;
  const minutes = (seconds % 3600n) / 60n;
  const rest = seconds % 60n;
  let text = 'PT';
  if (hours !== 0n) text += `${hours}H`;
  if (minutes !== 0n) text += `${minutes}M`;
  if (rest === 0n && fraction === 0n && text.length > 2) return text;
  const negative = nanos < 0n;
  if (negative && fraction > 0n) text += rest === 0n ? '-0' : `${rest}`;
  else text += `${rest}`;
  if (fraction > 0n) {
    const shown = negative ? SECOND - fraction : fraction;
    text += `.${shown.toString().padStart(9, '0').replace(/0+$/, '')}`;
  }
  return `${text}S`;
}

interface Fields {
  readonly date: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  /** Nine digits. */
  readonly nano: string;
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** Calendar fields of a moment at an offset from UTC in seconds. */
function fields(epochNanos: bigint, offsetSeconds: number): Fields {
  const seconds = floorDiv(epochNanos, SECOND);
  const nano = (epochNanos - seconds * SECOND).toString().padStart(9, '0');
  const local = seconds + BigInt(offsetSeconds);
  const day = floorDiv(local, 86_400n);
  const inDay = Number(local - day * 86_400n);
  return {
    date: calendarDate(Number(day)),
    hour: pad(Math.floor(inDay / 3600), 2),
    minute: pad(Math.floor((inDay % 3600) / 60), 2),
    second: pad(inDay % 60, 2),
    nano,
  };
}

/** `LocalDate.toString` of a day count since 1970-01-01, also far outside what Date can hold. */
function calendarDate(epochDay: number): string {
  // Civil-from-days over 400-year eras of 146097 days, years starting in March.
  const shifted = epochDay + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const sign = year > 9999 ? '+' : year < 0 ? '-' : '';
  return `${sign}${pad(Math.abs(year), 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

/** `ZoneOffset.toString`: `Z`, `+02:00`, `-03:30`. */
function offsetToString(offsetSeconds: number): string {
  if (offsetSeconds === 0) return 'Z';
  const total = Math.abs(offsetSeconds);
  const seconds = total % 60;
  const text = `${pad(Math.floor(total / 3600), 2)}:${pad(Math.floor((total % 3600) / 60), 2)}`;
  return `${offsetSeconds < 0 ? '-' : '+'}${text}${seconds ? `:${pad(seconds, 2)}` : ''}`;
}

/** `OffsetDateTime.toString`: the fraction in groups of three digits, a zero second left out. */
export function offsetDateTimeToString(epochNanos: bigint, offsetSeconds: number): string {
  const { date, hour, minute, second, nano } = fields(epochNanos, offsetSeconds);
  let text = `${date}T${hour}:${minute}`;
  if (second !== '00' || nano !== '000000000') text += `:${second}`;
  if (nano !== '000000000') text += `.${nano.replace(/(000){1,2}$/, '')}`;
  return text + offsetToString(offsetSeconds);
}

/** Pattern `HH:mm:ss.SSS (yyyy-MM-dd)`, or with nine fraction digits. */
export function clockAndDate(epochNanos: bigint, offsetSeconds: number, digits: 3 | 9): string {
  const { date, hour, minute, second, nano } = fields(epochNanos, offsetSeconds);
  return `${hour}:${minute}:${second}.${nano.slice(0, digits)} (${date})`;
}
