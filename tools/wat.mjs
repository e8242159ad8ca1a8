#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Assembles packages/jfr/src/scan.wat, by wabt, into scan-module.ts beside it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const folder = fileURLToPath(new URL('../packages/jfr/src/', import.meta.url));
export const modulePath = join(folder, 'scan-module.ts');

/** The module, as it should be. */
export async function assembleScan() {
  const assembler = await wabt();
  const source = readFileSync(join(folder, 'scan.wat'), 'utf8');
  const module = assembler.parseWat('scan.wat', source, { simd: true, bulk_memory: true });
  try {
    module.validate();
    const text = Buffer.from(module.toBinary({}).buffer).toString('base64');
    const lines = text.match(/.{1,96}/g).map((line) => `  '${line}'`);
    return `// SPDX-License-Identifier: Apache-2.0
// scan.wat, assembled by \`node tools/wat.mjs\`.

/** WebAssembly, in base64. */
export const SCAN_MODULE: string =
${lines.join(' +\n')};
`;
  } finally {
    module.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(modulePath, await assembleScan());
}
