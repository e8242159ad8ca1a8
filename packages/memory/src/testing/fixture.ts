// SPDX-License-Identifier: Apache-2.0
// Fixtures of this room lie in `fixtures/memory` of the repository; tests alone read them.
import { readFileSync } from 'node:fs';

export function fixture(name: string): Uint8Array {
  return readFileSync(new URL(`../../../../fixtures/memory/${name}`, import.meta.url));
}
