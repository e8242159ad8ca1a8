// SPDX-License-Identifier: Apache-2.0
// A recording travels: to colleagues, into tickets. Values that look like secrets stay behind.

/** What stands in place of a secret. */
export const MASK = '********';

const SECRET_NAME =
  /pass(word|wd|phrase)?|secret|token|credential|api[-_]?key|private[-_]?key|access[-_]?key|auth|cookie|session|signature|dsn$|_key$|^key$/i;
const SECRET_VALUE = /-----BEGIN [A-Z ]*PRIVATE KEY|^eyJ[\w-]+\.eyJ/;
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi;

/** A named value as it may be recorded. */
export function maskValue(name: string, value: string): string {
  if (value === '') return value;
  if (SECRET_NAME.test(name) || SECRET_VALUE.test(value)) return MASK;
  return value.replace(URL_PASSWORD, `$1:${MASK}@`);
}

/** Command line arguments as they may be recorded: `--token=x`, `--token x`, URLs with passwords. */
export function maskArguments(args: readonly string[]): string[] {
  let secretNext = false;
  return args.map((argument) => {
    if (secretNext && !argument.startsWith('-')) {
      secretNext = false;
      return MASK;
    }
    const match = /^(--?[\w.-]+)(=(.*))?$/s.exec(argument);
    secretNext = match !== null && match[2] === undefined && SECRET_NAME.test(match[1]!);
    if (match?.[3] !== undefined) return `${match[1]}=${maskValue(match[1]!, match[3])}`;
    return argument.replace(URL_PASSWORD, `$1:${MASK}@`);
  });
}
