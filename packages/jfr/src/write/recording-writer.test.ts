// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, type TestContext } from 'vitest';
import type { EventDeclaration } from '../declaration.ts';
import { type Jdk, jdkOf, runJfr } from '../testing/jdk.ts';
import { memorySink } from './recording-sink.ts';
import {
  RecordingWriter,
  type RecordingWriterOptions,
  recorded,
  writeRecording,
} from './recording-writer.ts';

const Everything = {
  name: 'test.Everything',
  label: 'Everything',
  description: 'One field of each kind',
  category: ['Test', 'Inner'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'flag', type: 'boolean', label: 'Flag' },
    { name: 'small', type: 'byte', label: 'Small' },
    { name: 'letter', type: 'char', label: 'Letter' },
    { name: 'short', type: 'short', label: 'Short' },
    { name: 'int', type: 'int', label: 'Int' },
    { name: 'long', type: 'long', label: 'Long' },
    { name: 'huge', type: 'long', label: 'Huge', unsigned: true },
    { name: 'single', type: 'float', label: 'Single' },
    { name: 'double', type: 'double', label: 'Double' },
    { name: 'text', type: 'java.lang.String', label: 'Text' },
    { name: 'pooled', type: 'java.lang.String', label: 'Pooled' },
    {
      name: 'action',
      type: { enumeration: 'test.types.Action', values: ['copy', 'zero'] },
      label: 'Action',
    },
    { name: 'size', type: 'long', label: 'Size', content: 'bytes' },
    { name: 'address', type: 'long', label: 'Address', content: 'memory-address', unsigned: true },
    { name: 'type', type: 'java.lang.Class', label: 'Class' },
    {
      name: 'space',
      type: {
        struct: 'test.types.Space',
        fields: [
          { name: 'used', type: 'long', label: 'Used', content: 'bytes' },
          { name: 'label', type: 'java.lang.String', label: 'Label' },
        ],
      },
      label: 'Space',
    },
  ],
} as const satisfies EventDeclaration;

const directory = mkdtempSync(join(tmpdir(), 'rekindle-jfr-'));
afterAll(() => rmSync(directory, { recursive: true }));

function everything(options: RecordingWriterOptions = {}): string {
  const sink = memorySink();
  const writer = new RecordingWriter(sink, {
    ...options,
    startNanos: 1_700_000_000_000_000_000n,
    startTicks: 1_000,
  });
  const event = writer.event(Everything);
  const { pools } = writer;
  const thread = pools.thread({
    osThreadId: 42,
    osName: 'main-os',
    javaName: 'main',
    javaThreadId: 1,
  });
  const type = pools.class({ name: 'com.example.Service' });
  const method = pools.method({ type, name: 'handle', descriptor: '(I)V' });
  const stack = pools.stackTrace([
    { method, lineNumber: 17, type: 'JIT compiled' },
    { method, lineNumber: 12 },
  ]);
  const pooled = pools.string('from the pool of strings');
  writer.write(
    event,
    2_000,
    500,
    thread,
    stack,
    true,
    -5,
    65,
    -300,
    -70_000,
    -1,
    2n ** 64n - 1n,
    1.5,
    Number.NaN,
    'plain',
    pooled,
    'zero',
    4096,
    0x7f00_0000_1000,
    type,
    77,
    'inside',
  );
  writer.write(
    event,
    3_000,
    0,
    0,
    null,
    false,
    127,
    0x20ac,
    32767,
    2 ** 31 - 1,
    2n ** 63n - 1n,
    -(2n ** 53n) - 1n,
    Infinity,
    -0,
    null,
    '',
    null,
    -1,
    0,
    0,
    0,
    'é €😀 "<&>',
  );
  writer.write(
    event,
    4_000,
    1,
    thread,
    stack,
    false,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    'x'.repeat(300),
    'ÿ'.repeat(200),
    1,
    0,
    0,
    0,
    0,
    '\ud800 lone',
  );
  writer.finish();
  const path = join(directory, 'everything.jfr');
  writeFileSync(path, sink.bytes());
  return path;
}

describe('a recording of every kind of field', () => {
  for (const version of [17, 25]) {
    it(`is read by the jfr tool of JDK ${version}`, (context) => {
      const jdk = jdkOf(version);
      if (jdk === undefined) return context.skip(`no JDK ${version} on this machine`);
      const path = everything();
      const summary = runJfr(jdk, 'summary', path);
      expect(summary.stderr).toBe('');
      expect(summary.stdout).toMatch(/test\.Everything +3 /);
      const text = runJfr(jdk, 'print', '--stack-depth', '64', '--events', 'test.Everything', path);
      expect(text.stderr).toBe('');
      expect(text.stdout).toContain('com.example.Service.handle(int)');
      const json = runJfr(jdk, 'print', '--json', '--events', 'test.Everything', path);
      const events = JSON.parse(json.stdout).recording.events;
      expect(events).toHaveLength(3);
      expect(events[0].values).toMatchObject({
        startTime: '2023-11-14T22:13:20.000001Z',
        duration: 'PT0.0000005S',
        eventThread: { osName: 'main-os', osThreadId: 42, javaName: 'main', javaThreadId: 1 },
        stackTrace: {
          truncated: false,
          frames: [
            {
              method: { name: 'handle', descriptor: '(I)V' },
              lineNumber: 17,
              type: 'JIT compiled',
            },
            { method: { name: 'handle' }, lineNumber: 12, type: 'Interpreted' },
          ],
        },
        flag: true,
        small: -5,
        letter: 'A',
        short: -300,
        int: -70_000,
        long: -1,
        single: 1.5,
        double: null,
        text: 'plain',
        pooled: 'from the pool of strings',
        action: 'zero',
        size: 4096,
        address: 0x7f00_0000_1000,
        type: { name: 'com/example/Service' },
        space: { used: 77, label: 'inside' },
      });
      expect(events[1].values).toMatchObject({
        duration: 'PT0S',
        eventThread: null,
        stackTrace: null,
        letter: '€',
        text: null,
        pooled: '',
        action: null,
        space: { label: 'é €😀 "<&>' },
      });
      // 64-bit values as the JDK printed them: JSON.parse would round
      expect(json.stdout).toContain('"long": 9223372036854775807');
      // (17 prints unsigned longs as signed ones, 25 does not)
      const huge = version === 17 ? '-9007199254740993' : '18437736874454810623';
      expect(json.stdout).toContain(`"huge": ${huge}`);
      expect(events[2].values).toMatchObject({
        text: 'x'.repeat(300),
        pooled: 'ÿ'.repeat(200),
        action: 'copy',
        space: { label: '\ud800 lone' },
      });
      expect(runJfr(jdk, 'print', '--xml', path)).toMatchObject({ status: 0, stderr: '' });
      expect(runJfr(jdk, 'metadata', path)).toMatchObject({ status: 0, stderr: '' });
    });
  }
});

describe('what JDK 25 does with such a recording', () => {
  const only25 = (test: (jdk: Jdk, path: string) => void) => (context: TestContext) => {
    const jdk = jdkOf(25);
    if (jdk === undefined) return context.skip('no JDK 25 on this machine');
    test(jdk, everything());
  };

  it(
    'view: its own views and a table of the event type',
    only25((jdk, path) => {
      const settings = runJfr(jdk, 'view', '--width', '160', 'active-settings', path);
      expect(settings).toMatchObject({ status: 0, stderr: '' });
      expect(settings.stdout).toMatch(/Everything +true +0 ns +true/);
      const table = runJfr(jdk, 'view', '--width', '200', 'test.Everything', path);
      expect(table).toMatchObject({ status: 0, stderr: '' });
      expect(table.stdout).toMatch(/0x7F0000\.\.\. Service +77 bytes inside/);
      expect(runJfr(jdk, 'view', 'all-events', path)).toMatchObject({ status: 0, stderr: '' });
    }),
  );

  it(
    'scrub: drops what it is told to',
    only25((jdk, path) => {
      const scrubbed = join(directory, 'scrubbed.jfr');
      rmSync(scrubbed, { force: true });
      const run = runJfr(jdk, 'scrub', '--exclude-events', 'jdk.ActiveSetting', path, scrubbed);
      expect(run.status).toBe(0);
      const summary = runJfr(jdk, 'summary', scrubbed).stdout;
      expect(summary).toMatch(/test\.Everything +3 /);
      expect(summary).toMatch(/jdk\.ActiveSetting +0 /);
    }),
  );

  it(
    'disassemble and assemble: the same bytes again',
    only25((jdk) => {
      const path = everything({ maxChunkBytes: 1000 });
      const pieces = join(directory, 'pieces');
      rmSync(pieces, { recursive: true, force: true });
      mkdirSync(pieces);
      const taken = runJfr(jdk, 'disassemble', '--output', pieces, '--max-chunks', '1', path);
      expect(taken).toMatchObject({ status: 0 });
      const whole = join(directory, 'whole.jfr');
      rmSync(whole, { force: true });
      expect(runJfr(jdk, 'assemble', pieces, whole)).toMatchObject({ status: 0 });
      expect(readFileSync(whole).equals(readFileSync(path))).toBe(true);
    }),
  );
});

describe('writeRecording', () => {
  it('takes events by name, and threads by index', (context) => {
    const jdk = jdkOf(25) ?? jdkOf(17);
    if (jdk === undefined) return context.skip('no JDK on this machine');
    const Step = {
      name: 'test.Step',
      label: 'Step',
      category: ['Test'],
      duration: true,
      thread: true,
      fields: [
        { name: 'name', type: 'java.lang.String', label: 'Name' },
        { name: 'pages', type: 'long', label: 'Pages' },
      ],
    } as const satisfies EventDeclaration;
    const sink = memorySink();
    writeRecording(sink, {
      startNanos: 1_700_000_000_000_000_000n,
      declarations: [Step],
      threads: [
        { osThreadId: 1, osName: 'one' },
        { osThreadId: 2, osName: 'two' },
      ],
      events: [
        recorded(Step, { startTime: 10, duration: 5, eventThread: 2, name: 'load', pages: 7n }),
        { event: Step, values: { startTime: 20 } },
      ],
    });
    const path = join(directory, 'steps.jfr');
    writeFileSync(path, sink.bytes());
    const json = runJfr(jdk, 'print', '--json', '--events', 'test.Step', path);
    const events = JSON.parse(json.stdout).recording.events;
    expect(events.map((event: { values: unknown }) => event.values)).toMatchObject([
      { duration: 'PT0.000000005S', eventThread: { osName: 'two' }, name: 'load', pages: 7 },
      { duration: 'PT0S', eventThread: null, name: null, pages: 0 },
    ]);
  });
});
