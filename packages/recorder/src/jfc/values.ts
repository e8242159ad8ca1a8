// SPDX-License-Identifier: Apache-2.0
// Values of .jfc files as the JDK checks them: timespans, method filters.
// Source: jdk.jfr.internal.jfc.model.Utilities, jdk.jfr.internal.tracing.Filter, tag jdk-25-ga.

const UNITS: readonly string[] = ['ns', 'us', 'ms', 's', 'm', 'h', 'd'];
const LONG = /^[+-]?\d{1,19}$/;
const MAX_LONG: bigint = 2n ** 63n - 1n;

/** A timespan with a blank before its unit; undefined for what is none. */
export function spacedTimespan(text: string): string | undefined {
  const unit = UNITS.find((known) => text.endsWith(known));
  if (unit === undefined) return undefined;
  const number = longOf(
    text
      .trim()
      .slice(0, text.length - unit.length)
      .trim(),
  );
  return number === undefined ? undefined : `${number} ${unit}`;
}

/** What is wrong with a text that is no timespan. */
export function timespanProblem(text: string): string {
  const what =
    longOf(text) === undefined
      ? `'${text}' is not a valid timespan.\nShould be numeric value followed by a unit, i.e. 20 ms.`
      : `Timespan '${text}' is missing unit.`;
  return `${what} Valid units are ns, us, ms, s, m, h and d.`;
}

/** A long as Java parses it. */
function longOf(text: string): bigint | undefined {
  if (!LONG.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return value > MAX_LONG || value < -MAX_LONG - 1n ? undefined : value;
}

const IDENTIFIER = /^[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mn}\p{Mc}]*$/u;
/** Words that are no names. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'abstract assert boolean break byte case catch char class const continue default do double else enum ' +
    'extends final finally float for goto if implements import instanceof int interface long native new ' +
    'package private protected public return short static strictfp super switch synchronized this throw ' +
    'throws transient try void volatile while true false null _'
  ).split(' '),
);

/** Whether a text is a method filter: a class, class::method, ::method or @annotation. */
export function isMethodFilter(text: string): boolean {
  if (text.startsWith('@')) return isClassName(text.slice(1));
  const at = text.indexOf('::');
  if (at < 0) return isClassName(text);
  const method = text.slice(at + 2);
  const named = method === '<clinit>' || method === '<init>' || isIdentifier(method);
  return named && (at === 0 || isClassName(text.slice(0, at)));
}

function isClassName(text: string): boolean {
  return text.split('.').every(isIdentifier);
}

function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text) && !RESERVED.has(text);
}
