// SPDX-License-Identifier: Apache-2.0

/**
 * The first name that a misspelt one may have been meant for: in other letters only by case, one or two
 * of them wrong, one missing, one too many. As the JDK's SpellChecker, which compares the lower-case form
 * of what was typed with the names as they are.
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const lower = typed.toLowerCase();
  return names.find((name) => {
    switch (name.length - lower.length) {
      case 0:
        return wrongLetters(name, lower) < (lower.length < 6 ? 2 : 3);
      case 1:
        return isWithin(lower, name);
      case -1:
        return isWithin(name, lower);
      default:
        return false;
    }
  });
}

function wrongLetters(a: string, b: string): number {
  return [...a].filter((letter, index) => letter !== b[index]).length;
}

/** Whether the letters of the shorter stand in the longer in their order. */
function isWithin(shorter: string, longer: string): boolean {
  let found = 0;
  for (const letter of longer) if (letter === shorter[found]) found++;
  return found === shorter.length;
}
