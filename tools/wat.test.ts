// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error: a script, without types
import { assembleScan, modulePath } from './wat.mjs';

it('scan-module.ts is what wabt makes of scan.wat (node tools/wat.mjs writes it)', async () => {
  expect(readFileSync(modulePath, 'utf8')).toBe(await assembleScan());
});
