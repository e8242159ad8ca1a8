// SPDX-License-Identifier: Apache-2.0
// Bench: writing 10 M events of 6 fields into a recording, beside the JDK's own recorder
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventDeclaration } from '../packages/jfr/src/index.ts';
import {
  compileEncoder,
  type EncodeEvent,
  EventRegistry,
  interpretEncoder,
  RecordingWriter,
} from '../packages/jfr/src/index.ts';
import { openFileSink } from '../packages/jfr/src/node.ts';
import { newestJdk } from '../packages/jfr/src/testing/jdk.ts';
import { machine, printTable, show, spread } from './statistics.ts';

/** startTime, duration and six fields: what a page fault is. */
const Fault = {
  name: 'bench.Fault',
  label: 'Fault',
  category: ['Bench'],
  duration: true,
  fields: [
    { name: 'guestPhysical', type: 'long', label: 'Guest Physical', content: 'memory-address' },
    { name: 'hostVirtual', type: 'long', label: 'Host Virtual', content: 'memory-address' },
    { name: 'write', type: 'boolean', label: 'Write' },
    {
      name: 'action',
      type: { enumeration: 'bench.types.Action', values: ['copy', 'zero', 'raced'] },
      label: 'Action',
    },
    { name: 'thread', type: 'int', label: 'Thread' },
    { name: 'region', type: 'int', label: 'Region' },
  ],
} as const satisfies EventDeclaration;

const ROUNDS = 10;
const PER_ROUND = 1_000_000;
/** Ticks after 50 days without a reboot: long varints, as on a server. */
const UPTIME = 50 * 86_400e9;
const HOST = 0x7f12_0000_0000;

type Encode = EncodeEvent<typeof Fault>;

/** Events into a buffer that starts over when it is full; ns per event and MB/s. */
function encodeRound(encode: Encode, bytes: Uint8Array): [ns: number, megabytes: number] {
  let at = 0;
  let written = 0;
  const began = process.hrtime.bigint();
  for (let i = 0; i < PER_ROUND; i++) {
    const address = i * 4096;
    const action = (i & 3) === 0 ? 'zero' : 'copy';
    const start = UPTIME + i * 1000;
    let end = encode(
      bytes,
      at,
      bytes.length,
      start,
      15_000,
      address,
      HOST + address,
      (i & 1) === 0,
      action,
      12_345,
      0,
    );
    if (end < 0) {
      written += at;
      end = encode(
        bytes,
        0,
        bytes.length,
        start,
        15_000,
        address,
        HOST + address,
        (i & 1) === 0,
        action,
        12_345,
        0,
      );
    }
    at = end;
  }
  const nanos = Number(process.hrtime.bigint() - began);
  return [nanos / PER_ROUND, ((written + at) / nanos) * 1e3];
}

/** The same events through a RecordingWriter into a file: header, metadata, chunks and all. */
function fileRound(directory: string): [ns: number, megabytes: number] {
  const path = join(directory, 'ours.jfr');
  const began = process.hrtime.bigint();
  const sink = openFileSink(path);
  const writer = new RecordingWriter(sink, { startTicks: UPTIME });
  const fault = writer.event(Fault);
  for (let i = 0; i < PER_ROUND; i++) {
    const address = i * 4096;
    const action = (i & 3) === 0 ? 'zero' : 'copy';
    writer.write(
      fault,
      UPTIME + i * 1000,
      15_000,
      address,
      HOST + address,
      (i & 1) === 0,
      action,
      12_345,
      0,
    );
  }
  writer.finish();
  sink.close();
  const nanos = Number(process.hrtime.bigint() - began);
  return [nanos / PER_ROUND, (statSync(path).size / nanos) * 1e3];
}

const directory = mkdtempSync(join(tmpdir(), 'rekindle-bench-'));
try {
  const type = new EventRegistry().register(Fault);
  const compiled = compileEncoder(type);
  const interpreted = interpretEncoder(type);
  const own = new Uint8Array(1 << 20);
  const shared = new Uint8Array(new SharedArrayBuffer(1 << 20));
  const work: [string, () => [number, number]][] = [
    ['compiled encoder, own memory', () => encodeRound(compiled, own)],
    ['compiled encoder, shared memory', () => encodeRound(compiled, shared)],
    ['plain interpreter', () => encodeRound(interpreted, own)],
    ['RecordingWriter to a file', () => fileRound(directory)],
  ];
  const samples = work.map((): [number, number][] => []);
  for (const [, run] of work) run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, [, run]] of work.entries()) samples[index]!.push(run());
  }
  const rows = work.map(([what], index) => [
    what,
    show(spread(samples[index]!.map(([ns]) => ns)), 'ns/event'),
    show(spread(samples[index]!.map(([, rate]) => rate)), 'MB/s'),
  ]);
  const jdk = newestJdk(17);
  if (jdk === undefined) console.log('(no JDK here: no peer)');
  else {
    const java = join(import.meta.dirname, 'java', 'WriteEvents.java');
    const run = spawnSync(
      join(jdk.home, 'bin/java'),
      [java, String(ROUNDS), String(PER_ROUND), join(directory, 'jdk.jfr')],
      { encoding: 'utf8' },
    );
    if (run.status !== 0) throw new Error(run.stderr);
    const figures = run.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    rows.push([
      `JDK ${jdk.version}: event.commit(), with its own time stamps`,
      show(spread(figures.map(([ns]) => ns!)), 'ns/event'),
      '',
    ]);
  }
  console.log(`${ROUNDS} rounds of ${PER_ROUND} events; ${machine()}\n`);
  printTable(['writing', 'cost', 'throughput'], rows);
} finally {
  rmSync(directory, { recursive: true });
}
