// SPDX-License-Identifier: Apache-2.0
// What must fail, and how a user is told.
import type { MicrovmError } from '@rekindle/microvm';
import { expect } from 'vitest';

/** The error of something that must fail, checked to be one a user can act on. */
export async function failureOf(work: Promise<unknown>): Promise<MicrovmError> {
  const error = await work.then(
    () => {
      throw new Error('it should have failed');
    },
    (reason: unknown) => reason as MicrovmError,
  );
  expect(error.name, error.stack).toBe('MicrovmError');
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.message).not.toContain('\n');
  expect(error.hint, error.message).toBeTruthy();
  return error;
}
