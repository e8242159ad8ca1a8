// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/**
 * Whether the demo service answered rightly: its body carries the SHA-256 of its own content, computed in
 * the guest for this very request.
 */
export function isCorrectAnswer(body: string, status: number): boolean {
  const match = /^\{"service":"rekindle-demo",(.*),"digest":"([0-9a-f]{64})"\}\s*$/s.exec(body);
  if (status !== 200 || !match) return false;
  return (
    createHash('sha256')
      .update(match[1] as string)
      .digest('hex') === match[2]
  );
}
