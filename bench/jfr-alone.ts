// SPDX-License-Identifier: Apache-2.0
// One work of bench/jfr.ts in a process of its own, for its memory: `node BUNDLE WORK FILE`.
import { readFileSync } from 'node:fs';
import { openFileSource } from '../packages/bytes/src/node.ts';
import { openRecording } from '../packages/jfr/src/index.ts';
import { readAll, readOne } from './jfr-work.ts';

const [work, file] = process.argv.slice(2) as [string, string];
const before = performance.now();
if (work === 'summary') await (await openRecording(openFileSource(file))).summary();
else await (work === 'all' ? readAll : readOne)(file);
const millis = performance.now() - before;
// Not the maxRSS of getrusage(2): that keeps across execve(2) what the process was before, a copy of the bench.
const [, peak] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))!;
console.log(JSON.stringify({ millis, peak: Number(peak) * 1024 }));
