// SPDX-License-Identifier: Apache-2.0
import type { JfrErrorCode } from './error.ts';

/** Something that could not be read, found while salvaging. */
export interface Loss {
  readonly code: JfrErrorCode;
  /** Index of the chunk in the recording, from 0. */
  readonly chunk: number;
  /** Byte offset from the start of the source where the loss begins. */
  readonly offset: number;
  /** Bytes lost from there; 0 when something was misplaced rather than lost. */
  readonly bytes: number;
  readonly what: 'chunk' | 'events' | 'event' | 'checkpoint' | 'metadata' | 'pointer';
  readonly reason: string;
}
