// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as catalogue from '../packages/events/src/index.ts';
import { describeEvents } from '../packages/jfr/src/index.ts';
// @ts-expect-error: a script, without types
import { eventsPage, eventsPath } from './docs-events.mjs';

it('docs/events.md is what the declarations say (node tools/docs-events.mjs writes it)', () => {
  expect(readFileSync(eventsPath, 'utf8')).toBe(eventsPage(catalogue, describeEvents));
});
