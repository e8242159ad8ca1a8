// SPDX-License-Identifier: Apache-2.0
// A real browser, where this machine has one.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

function findChromium(): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(directory, name), constants.X_OK);
        return join(directory, name);
      } catch {
        // Not in this directory.
      }
    }
  }
  return undefined;
}

const executablePath = findChromium();

/** Why there is no browser to test in; undefined: there is one. */
export const NO_BROWSER: string | undefined =
  executablePath === undefined ? `no ${NAMES.join(', ')} on PATH` : undefined;

/** Starts the browser. */
export function launchBrowser(): Promise<Browser> {
  // Chromium refuses its sandbox to root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: executablePath as string, args });
}
