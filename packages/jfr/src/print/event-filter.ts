// SPDX-License-Identifier: Apache-2.0
// `--events` and `--categories` as the JDK's `jfr` takes them: comma-separated names, simple or
// qualified, or glob patterns; a category also by the acronym of its words ("GC" is no acronym of
// "GC", "JVM" is one of "Java Virtual Machine").
import type { ClassType } from '../type-model.ts';

export type EventTypeFilter = (type: ClassType) => boolean;

const parts = (filter: string): string[] =>
  filter
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Whether a text matches a pattern with `*` and `?`. Linear in the text for each star. */
function matches(text: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let next = 0;
  while (at < text.length) {
    const letter = pattern[next];
    if (letter === '*') {
      star = next++;
      resume = at;
    } else if (letter !== undefined && (letter === '?' || letter === text[at])) {
      at++;
      next++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}

export function eventTypeFilter(filter: string): EventTypeFilter {
  const patterns = parts(filter);
  return ({ name }) => {
    const simple = name.slice(name.lastIndexOf('.') + 1);
    return patterns.some((pattern) => matches(name, pattern) || matches(simple, pattern));
  };
}

export function categoryFilter(filter: string): EventTypeFilter {
  const patterns = parts(filter);
  return ({ category }) => {
    // A type without a category is shown as Uncategorized.
    const names = category.length === 0 ? ['Uncategorized'] : category;
    return names.some((name) =>
      patterns.some(
        (pattern) => matches(name, pattern) || (name.includes(' ') && acronym(name) === pattern),
      ),
    );
  };
}

function acronym(words: string): string {
  return words
    .split(/\s/)
    .map((word) => (/^\p{Lu}/u.test(word) ? word[0] : ''))
    .join('');
}

/** Names of threads by the same rules. */
export function threadNameFilter(filter: string): (name: string) => boolean {
  const patterns = parts(filter);
  return (name) => patterns.some((pattern) => matches(name, pattern));
}

/** A type must pass every filter. */
export function everyFilter(filters: readonly EventTypeFilter[]): EventTypeFilter {
  return (type) => filters.every((filter) => filter(type));
}
