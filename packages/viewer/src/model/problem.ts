// SPDX-License-Identifier: Apache-2.0
// Something that could not be opened, said so that the reader knows what to do.

export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
}

/** Any error as a problem; errors with a `hint` bring their own advice. */
export function problemOf(title: string, error: unknown): Problem {
  const detail = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Error && 'hint' in error ? String(error.hint) : '';
  return { title, detail, hint };
}
