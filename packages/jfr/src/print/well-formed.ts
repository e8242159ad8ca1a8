// SPDX-License-Identifier: Apache-2.0

const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** Half a surrogate pair has no UTF-8 form; Java's encoder writes a question mark, and so do we. */
export function wellFormed(text: string): string {
  return LONE_SURROGATE.test(text) ? text.replace(LONE_SURROGATES, '?') : text;
}
