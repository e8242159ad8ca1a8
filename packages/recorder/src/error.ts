// SPDX-License-Identifier: Apache-2.0

/** What went wrong. Stable: programs may switch on it. */
export type RecorderErrorCode =
  /** Shared memory that no recorder made. */
  | 'RECORDER_BAD_ARENA'
  /** A call that does not fit the state of a recording. */
  | 'RECORDER_WRONG_STATE'
  /** More event types than fit. */
  | 'RECORDER_TOO_MANY_TYPES'
  /** Two declarations of one event type that differ. */
  | 'RECORDER_TYPE_CONFLICT'
  /** An option or a setting with a value that cannot be. */
  | 'RECORDER_BAD_OPTION'
  /** A configuration file that does not parse. */
  | 'RECORDER_BAD_CONFIGURATION'
  /** The repository or the destination cannot be written. */
  | 'RECORDER_IO'
  /** The recorder thread did not answer in time, or is gone. */
  | 'RECORDER_NO_ANSWER'
  /** A process that cannot be reached, or does not record. */
  | 'RECORDER_NO_PROCESS'
  /** A request from outside that is not allowed. */
  | 'RECORDER_FORBIDDEN';

/** An error of the recorder. `hint` says what to do about it; `path` names the file meant, if any. */
export class RecorderError extends Error {
  readonly code: RecorderErrorCode;
  readonly hint: string | undefined;
  readonly path: string | undefined;

  constructor(
    code: RecorderErrorCode,
    message: string,
    more: { hint?: string; path?: string; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'RecorderError';
    this.code = code;
    this.hint = more.hint;
    this.path = more.path;
  }
}
