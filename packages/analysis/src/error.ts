// SPDX-License-Identifier: Apache-2.0

/** `no-run`: nothing in it that a run could be made of. `bad-run`: what it says cannot be. */
export type AnalysisErrorCode = 'no-run' | 'bad-run';

/** A recording that can be read, but not understood as a run. */
export class AnalysisError extends Error {
  override readonly name = 'AnalysisError';
  readonly code: AnalysisErrorCode;
  /** What was being read: a file's name. */
  readonly place: string;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: AnalysisErrorCode, place: string, message: string, hint: string) {
    super(`${place}: ${message}`);
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}
