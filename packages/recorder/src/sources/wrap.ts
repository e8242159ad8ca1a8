// SPDX-License-Identifier: Apache-2.0
// Replaces functions of modules by recording ones, and puts them back. Where somebody else has wrapped
// the function meanwhile, ours stays in the middle and lets calls through.

type Callable = (...args: unknown[]) => unknown;

export interface Wrapped {
  unwrap(): void;
}

/** Replaces `owner[name]`; `around` gets the original and makes what takes its place. */
export function wrap(
  owner: object,
  name: string,
  around: (original: Callable) => Callable,
): Wrapped {
  const table = owner as Record<string, unknown>;
  const original = table[name];
  if (typeof original !== 'function') return { unwrap: () => {} };
  let active = true;
  const replacement = around(original as Callable);
  const gate = function (this: unknown, ...args: unknown[]): unknown {
    return (active ? replacement : (original as Callable)).apply(this, args);
  };
  // promisified variants and such hang on the function
  Object.defineProperties(gate, Object.getOwnPropertyDescriptors(original));
  table[name] = gate;
  return {
    unwrap: () => {
      active = false;
      if (table[name] === gate) table[name] = original;
    },
  };
}

/** Several at once. */
export function unwrapAll(wrapped: readonly Wrapped[]): void {
  for (const one of wrapped) one.unwrap();
}
