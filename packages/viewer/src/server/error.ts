// SPDX-License-Identifier: Apache-2.0

/** The viewer cannot be served. */
export class ViewerError extends Error {
  override readonly name = 'ViewerError';
  readonly code: 'not-built' | 'no-file' | 'port-taken';
  /** A path, or host and port. */
  readonly place: string;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: ViewerError['code'], place: string, message: string, hint: string) {
    super(`${place}: ${message}`);
    this.code = code;
    this.place = place;
    this.hint = hint;
  }
}
