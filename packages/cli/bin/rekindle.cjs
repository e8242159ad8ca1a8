#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// CommonJS, because `jfr summary FILE` takes no longer than loading what the other commands need: it has
// nothing to parse, its modules are in one file, and V8 finds their code compiled beside it. All that is
// made by the build (build.mjs); without it a summary goes the way of the other commands, with the same
// outcome.
'use strict';
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const BUNDLE = join(__dirname, '../dist/summary/summary-main.cjs');
const CODE = join(__dirname, '../dist/summary/summary-main.code');

/**
 * Loads the bundle: its exports, and the script, of which the build keeps the code. V8 takes no code that
 * another version of it made, or other flags, and compiles then.
 */
function loadSummary() {
  // ASCII, as the build makes it: a byte a character, nothing to decode
  const source = readFileSync(BUNDLE, 'latin1');
  const script = new Script(`(function (exports, require, __dirname) {${source}\n})`, {
    filename: BUNDLE,
    cachedData: existsSync(CODE) ? readFileSync(CODE) : undefined,
  });
  const exports = {};
  const load = (path) => require(path.startsWith('./') ? join(dirname(BUNDLE), path) : path);
  script.runInThisContext()(exports, load, dirname(BUNDLE));
  return { exports, script };
}

async function main([jfr, summary, file = '-', ...more]) {
  const short = jfr === 'jfr' && summary === 'summary' && more.length === 0;
  if (!short || file.startsWith('-') || !existsSync(BUNDLE)) {
    await import('../dist/main.js');
    return;
  }
  // nothing is left to do, and leaving so saves tearing down what the process is made of
  process.exit(await loadSummary().exports.runSummary(file));
}

if (require.main === module) main(process.argv.slice(2));
else module.exports = { CODE, loadSummary };
