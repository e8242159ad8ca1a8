#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Writes docs/events.md, the event catalogue, from the declarations in @rekindle/events.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as catalogue from '../packages/events/dist/index.js';
import { describeEvents } from '../packages/jfr/dist/index.js';

const INTRODUCTION = `# The events that rekindle writes

One event type per section. Ticks are nanoseconds of CLOCK_MONOTONIC; the chunk's header ties them to the
wall clock. A duration ends at the event's end time and begins at its start time.
This page is written by \`node tools/docs-events.mjs\` from \`packages/events/src/catalogue.ts\`; a test
compares the two.

`;

/** The page, as it should be. */
export function eventsPage(events, describe) {
  const key = ({ category, name }) => [...category, name].join('\n');
  const declarations = Object.values(events)
    .filter((value) => 'fields' in value)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return INTRODUCTION + describe(declarations);
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const eventsPath = join(root, 'docs', 'events.md');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(dirname(eventsPath), { recursive: true });
  writeFileSync(eventsPath, eventsPage(catalogue, describeEvents));
}
