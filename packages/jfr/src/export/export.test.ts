// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openRecording, type Recording } from '../recording.ts';
import { memorySink } from '../write/recording-sink.ts';
import { recorded, writeRecording } from '../write/recording-writer.ts';
import { collapsedStacks } from './collapsed.ts';
import { firefoxProfile } from './firefox.ts';
import { flameGraph } from './flame.ts';
import { flameTree } from './flame-tree.ts';
import { pprofProfile } from './pprof.ts';
import { collectStacks, type StackProfile } from './stacks.ts';
import { eventTable } from './table.ts';
import { chromeTrace } from './trace.ts';

/** A profile of stacks of names, the root first, each with its weight. */
function profileOf(samples: readonly (readonly [readonly string[], number])[]): StackProfile {
  const names = [...new Set(samples.flatMap(([stack]) => stack))];
  return {
    event: 'jdk.ExecutionSample',
    weightName: 'samples',
    unit: 'count',
    startNanos: 1_700_000_000_000_000_000n,
    durationNanos: 5_000_000_000n,
    frames: names.map((name, index) => ({ name, line: index + 1, kind: 'JIT compiled' })),
    stacks: samples.map(([stack]) => stack.map((name) => names.indexOf(name))),
    threads: [{ name: 'main', id: 42 }],
    stack: Int32Array.from(samples.keys()),
    thread: new Int32Array(samples.length),
    nanos: Float64Array.from(samples, (_, index) => index * 20e6),
    weight: Float64Array.from(samples, ([, weight]) => weight),
  };
}

const names = fc.constantFrom('a', 'b', 'c', 'a;b', '</script><script>alert(1)</script>', 'ü 𝕏\n"');
const samples = fc.array(
  fc.tuple(fc.array(names, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 1000 })),
  { minLength: 1, maxLength: 30 },
);
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

type Wire = { readonly field: number; readonly value: bigint | Uint8Array };

/** Reads a protobuf message without knowing what it says. */
function fieldsOf(bytes: Uint8Array): Wire[] {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++]!);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
    }
  };
  const fields: Wire[] = [];
  while (at < bytes.length) {
    const tag = Number(varint());
    const value = varint();
    if ((tag & 7) === 2) {
      fields.push({ field: tag >> 3, value: bytes.subarray(at, at + Number(value)) });
      at += Number(value);
    } else {
      fields.push({ field: tag >> 3, value });
    }
  }
  expect(at).toBe(bytes.length);
  return fields;
}

const messages = (fields: readonly Wire[], field: number): Wire[][] =>
  fields.filter((item) => item.field === field).map(({ value }) => fieldsOf(value as Uint8Array));
const numberOf = (fields: readonly Wire[], field: number): number =>
  Number(fields.find((item) => item.field === field)?.value ?? 0);
const packed = (fields: readonly Wire[], field: number): number[] => {
  const bytes = fields.find((item) => item.field === field)!.value as Uint8Array;
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    out.push(value);
  }
  return out;
};

describe('pprof', () => {
  it('says the same to a reader that knows only the wire format', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const all = fieldsOf(pprofProfile(profileOf(list)));
        const strings = all
          .filter(({ field }) => field === 6)
          .map(({ value }) => new TextDecoder().decode(value as Uint8Array));
        expect(strings[0]).toBe('');
        const functions = new Map(
          messages(all, 5).map((item) => [numberOf(item, 1), strings[numberOf(item, 2)]]),
        );
        const locations = new Map(
          messages(all, 4).map((item) => {
            const [line] = messages(item, 4);
            return [numberOf(item, 1), functions.get(numberOf(line!, 1))];
          }),
        );
        const read = messages(all, 2).map((sample) => ({
          stack: packed(sample, 1).map((id) => locations.get(id)),
          count: packed(sample, 2)[0]!,
          labels: messages(sample, 3).map((label) => [
            strings[numberOf(label, 1)],
            strings[numberOf(label, 2)] || numberOf(label, 3),
          ]),
        }));
        // leaf first; the samples come back in the order they went in
        expect(read.map(({ stack }) => stack)).toEqual(list.map(([stack]) => [...stack].reverse()));
        expect(sum(read.map(({ count }) => count))).toBe(list.length);
        expect(read[0]!.labels).toEqual([
          ['thread', 'main'],
          ['thread_id', 42],
        ]);
        expect(all.find(({ field }) => field === 9)!.value).toBe(1_700_000_000_000_000_000n);
      }),
    );
  });
});

describe('collapsed stacks', () => {
  it('keep every weight, and no frame breaks a line', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const lines = collapsedStacks(profileOf(list)).trimEnd().split('\n');
        expect(sum(lines.map((line) => Number(/ (\d+)$/.exec(line)![1])))).toBe(
          sum(list.map(([, weight]) => weight)),
        );
        const depths = new Set(list.map(([stack]) => stack.length));
        for (const line of lines) expect(depths).toContain(line.split(';').length);
      }),
    );
  });
});

describe('a flame graph', () => {
  it('has a node per distinct path, heavier than all below it', () => {
    fc.assert(
      fc.property(samples, (list) => {
        const tree = flameTree(profileOf(list));
        const paths = new Set(
          list.flatMap(([stack]) => stack.map((_, end) => JSON.stringify(stack.slice(0, end + 1)))),
        );
        expect(tree.name.length).toBe(paths.size + 1);
        expect(tree.total[0]).toBe(sum(list.map(([, weight]) => weight)));
        const open: number[] = [];
        for (const [node, level] of tree.level.entries()) {
          open.length = level;
          if (level > 0)
            expect(tree.total[node]!).toBeLessThanOrEqual(tree.total[open[level - 1]!]!);
          open.push(node);
        }
      }),
    );
  });

  it('lets nothing of the recording out of its place, and fetches nothing', () => {
    const evil = '</script><img src=x onerror=alert(1)>&<!--';
    const html = flameGraph(profileOf([[[evil], 1]]), { title: evil });
    expect(html).not.toContain('<img');
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(flameGraph(profileOf([[['a'], 1]]))).not.toMatch(/https?:|src=|href=|@import|url\(/);
    const json = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!;
    expect(JSON.parse(json).names).toContain(evil);
  });

  it('takes stacks as deep as a recorder writes them', () => {
    const deep = Array.from({ length: 20_000 }, (_, index) => `f${index}`);
    expect(flameTree(profileOf([[deep, 1]])).level.at(-1)).toBe(20_000);
  });
});

const Job = {
  name: 'app.Job',
  label: 'Job',
  category: ['App'],
  duration: true,
  thread: true,
  fields: [
    { name: 'queue', type: 'java.lang.String', label: 'Queue' },
    { name: 'bytes', type: 'long', label: 'Bytes', unsigned: true },
    { name: 'urgent', type: 'boolean', label: 'Urgent' },
    { name: 'ratio', type: 'double', label: 'Ratio' },
  ],
} as const;

const Slot = {
  name: 'app.Slot',
  label: 'Slot',
  category: ['App'],
  duration: true,
  fields: [{ name: 'number', type: 'int', label: 'Number' }],
} as const;

async function small(): Promise<Recording> {
  const sink = memorySink();
  const job = (startTime: number, duration: number, queue: string | null, bytes: bigint) =>
    recorded(Job, {
      startTime,
      duration,
      eventThread: 1,
      queue,
      bytes,
      urgent: bytes > 100n,
      ratio: 0.5,
    });
  writeRecording(sink, {
    startNanos: 1_700_000_000_000_000_000n,
    startTicks: 1000,
    declarations: [Job, Slot],
    threads: [{ osThreadId: 7, javaName: 'worker' }],
    events: [
      job(2000, 500, 'a', 1n),
      job(3000, 100, 'b', 2n ** 64n - 1n),
      job(4000, 250, null, 200n),
      recorded(Slot, { startTime: 2000, duration: 1000, number: 1 }),
      recorded(Slot, { startTime: 2500, duration: 1000, number: 2 }),
      recorded(Slot, { startTime: 3000, duration: 100, number: 3 }),
    ],
  });
  return await openRecording(sink.bytes());
}

describe('a table', () => {
  it('has exact values, times since 1970 and thread ids', async () => {
    const { columns, length } = await eventTable(await small(), 'app.Job');
    expect(length).toBe(3);
    const byName = Object.fromEntries(
      columns.map(({ name, kind, values }) => [name, [kind, values]]),
    );
    expect(byName).toMatchObject({
      startTime: [
        'timestamp',
        [1_700_000_000_000_001_000n, 1_700_000_000_000_002_000n, 1_700_000_000_000_003_000n],
      ],
      duration: ['long', [500n, 100n, 250n]],
      eventThread: ['text', ['worker', 'worker', 'worker']],
      'eventThread.osThreadId': ['long', [7n, 7n, 7n]],
      queue: ['text', ['a', 'b', null]],
      bytes: ['unsigned', [1n, 2n ** 64n - 1n, 200n]],
      urgent: ['boolean', [false, true, true]],
      ratio: ['double', [0.5, 0.5, 0.5]],
    });
  });
});

describe('a Chrome trace', () => {
  it('has slices that nest on every track', async () => {
    let text = '';
    for await (const part of chromeTrace(await small())) text += part;
    const { traceEvents } = JSON.parse(text) as {
      traceEvents: {
        ph: string;
        name: string;
        tid: number;
        ts: number;
        dur: number;
        args: object;
      }[];
    };
    const slices = traceEvents.filter(({ ph }) => ph === 'X');
    expect(slices.filter(({ name }) => name === 'Job')).toMatchObject([
      { ts: 1, dur: 0.5, tid: 7, args: { queue: 'a', bytes: 1 } },
      { ts: 2, dur: 0.1, tid: 7, args: { queue: 'b', bytes: '18446744073709551615' } },
      { ts: 3, dur: 0.25, tid: 7, args: { queue: null, bytes: 200 } },
    ]);
    // events of no thread overlap: two lanes, the third event where the first has ended
    const lanes = slices.filter(({ name }) => name === 'Slot').map(({ tid }) => tid);
    expect(new Set(lanes).size).toBe(2);
    expect(lanes[2]).toBe(lanes[0]);
    const titles = traceEvents.filter(({ name }) => name === 'thread_name');
    expect(titles.map(({ args }) => (args as { name: string }).name).sort()).toEqual([
      'Recording Setting',
      'Slot',
      'Slot (2)',
      'worker',
    ]);
  });
});

describe('stacks of fields', () => {
  it('stand for stack traces, by count or by weight', async () => {
    const recording = await small();
    const by = ['queue', 'urgent'];
    expect(collapsedStacks(await collectStacks(recording, { event: 'Job', by }))).toBe(
      'a;urgent: false 1\nb;urgent: true 1\nnull;urgent: true 1\n',
    );
    const weighed = await collectStacks(recording, { event: 'app.Job', by, weight: 'duration' });
    expect(weighed.unit).toBe('nanoseconds');
    expect(collapsedStacks(weighed)).toBe(
      'a;urgent: false 500\nb;urgent: true 100\nnull;urgent: true 250\n',
    );
  });

  it('say what is not there', async () => {
    const recording = await small();
    await expect(collectStacks(recording, { event: 'Nix' })).rejects.toThrow(/no event type Nix/);
    await expect(collectStacks(recording, { event: 'Job' })).rejects.toMatchObject({
      code: 'JFR_UNKNOWN_NAME',
      hint: expect.stringContaining('--by'),
    });
    await expect(collectStacks(recording, { event: 'Job', by: ['nix'] })).rejects.toThrow(
      /no column nix/,
    );
    await expect(
      collectStacks(recording, { event: 'Job', by: ['queue'], weight: 'queue' }),
    ).rejects.toThrow(/queue of app.Job is no number/);
  });
});

type Table = { readonly length: number } & Record<string, readonly (number | null)[]>;
interface FirefoxThread {
  readonly name: string;
  readonly stringArray: readonly string[];
  readonly samples: Table;
  readonly stackTable: Table;
  readonly frameTable: Table;
  readonly funcTable: Table;
  readonly markers: Table;
}

describe('a Firefox profile', () => {
  it('has tables that refer to each other, and every event once', async () => {
    const recording = await small();
    const profile = await collectStacks(recording, { event: 'Job', by: ['queue', 'urgent'] });
    const json = JSON.stringify(await firefoxProfile(recording, profile));
    const { threads } = JSON.parse(json) as { threads: FirefoxThread[] };
    const stacks = threads.flatMap(({ samples, stackTable, frameTable, funcTable, stringArray }) =>
      Array.from({ length: samples.length }, (_, row) => {
        const path: string[] = [];
        for (let at = samples.stack![row]!; at !== null; at = stackTable.prefix![at]!) {
          path.unshift(stringArray[funcTable.name![frameTable.func![stackTable.frame![at]!]!]!]!);
        }
        return path.join(';');
      }),
    );
    expect(stacks).toEqual(['a;urgent: false', 'b;urgent: true', 'null;urgent: true']);
    expect(sum(threads.map(({ markers }) => markers.length))).toBe(3);
    for (const thread of threads) {
      for (const part of Object.values(thread)) {
        const { length, ...columns } = (part ?? {}) as Table;
        if (typeof length !== 'number' || Array.isArray(part)) continue;
        for (const column of Object.values(columns)) {
          if (Array.isArray(column)) expect(column).toHaveLength(length);
        }
      }
    }
  });
});
