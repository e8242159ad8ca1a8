// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { openRecording } from '../recording.ts';
import { isStruct, toObject, type Value } from '../value.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { ConstantPools } from './constant-pools.ts';
import { memorySink } from './recording-sink.ts';
import { EventRegistry } from './registry.ts';

function setUp(): { pools: ConstantPools; chunk: (during?: () => void) => Promise<Pools> } {
  const registry = new EventRegistry([
    {
      name: 'test.Action',
      label: 'Action',
      category: [],
      fields: [
        {
          name: 'action',
          type: { enumeration: 'test.types.Action', values: ['copy', 'zero'] },
          label: 'Action',
        },
      ],
    },
  ]);
  const pools = new ConstantPools(registry);
  const chunks = new ChunkWriter(registry, pools);
  let start = 0n;
  return {
    pools,
    /** Writes a chunk during which something happens, and tells what pools it has. */
    async chunk(during = () => {}) {
      const sink = memorySink();
      start += 100n;
      chunks.begin(sink, { startNanos: start, startTicks: start });
      during();
      chunks.finish({ durationNanos: 100n, final: false });
      const read = await (await openRecording(sink.bytes())).chunk(0);
      const found: Record<string, Record<string, unknown>> = {};
      for (const pool of read.pools()) {
        if (pool.type.name === 'jdk.types.ChunkHeader') continue;
        const entries: Record<string, unknown> = {};
        for (let index = 0; index < pool.length; index++) {
          entries[String(pool.key(index))] = plain(pool.get(index));
        }
        // no key comes twice
        expect(Object.keys(entries)).toHaveLength(pool.length);
        found[pool.type.name] = entries;
      }
      return found;
    },
  };
}

type Pools = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function plain(value: Value): unknown {
  return isStruct(value) ? toObject(value) : value;
}

describe('constant pools', () => {
  it('give equal constants one key, from 1 up', () => {
    const { pools } = setUp();
    expect([pools.string('a'), pools.string('b'), pools.string('a')]).toEqual([1, 2, 1]);
    const type = pools.class({ name: 'app.Main' });
    expect(pools.class({ name: 'app/Main' })).toBe(type);
    const method = pools.method({ type, name: 'run' });
    expect(pools.stackTrace([{ method, lineNumber: 1 }])).toBe(1);
    expect(pools.stackTrace([{ method, lineNumber: 2 }])).toBe(2);
    expect(pools.stackTrace([{ method, lineNumber: 1 }])).toBe(1);
    expect(pools.stackTrace([{ method, lineNumber: 1 }], true)).toBe(3);
  });

  it('write what a chunk uses, with all that it refers to, and nothing else', async () => {
    const { pools, chunk } = setUp();
    const use = (): void => {
      const type = pools.class({ name: 'app.Main', classLoader: pools.classLoader('app') });
      pools.stackTrace([{ method: pools.method({ type, name: 'run' }), lineNumber: 7 }]);
    };
    const first = await chunk(() => {
      use();
      pools.string('first only');
    });
    expect(first['jdk.types.StackTrace']).toMatchObject({
      1: { frames: [{ lineNumber: 7, type: 'Interpreted' }] },
    });
    expect(first['java.lang.String']).toEqual({ 1: 'first only' });
    const second = await chunk(use);
    // the same keys: of one process, a key means one thing in all chunks
    expect(second['jdk.types.Method']).toEqual(first['jdk.types.Method']);
    expect(second['jdk.types.Symbol']).toEqual(first['jdk.types.Symbol']);
    expect(second['jdk.types.ClassLoader']).toEqual(first['jdk.types.ClassLoader']);
    expect(second['java.lang.String']).toBeUndefined();
  });

  it('forget what a whole chunk did not use', async () => {
    const { pools, chunk } = setUp();
    let key = 0;
    await chunk(() => {
      key = pools.string('text');
    });
    expect(await chunk(() => expect(pools.use('java.lang.String', key)).toBe(true))).toMatchObject({
      'java.lang.String': { [key]: 'text' },
    });
    await chunk();
    await chunk(() => expect(pools.use('java.lang.String', key)).toBe(false));
    // never reused
    expect(pools.string('text')).toBeGreaterThan(key);
  });

  it('have enumerations and living threads in every chunk', async () => {
    const { pools, chunk } = setUp();
    const main = pools.thread({ osThreadId: 1, javaName: 'main', javaThreadId: 1 });
    const gone = pools.thread({ osThreadId: 2, osName: 'gone' });
    const both = await chunk();
    expect(both['test.types.Action']).toEqual({ 1: 'copy', 2: 'zero' });
    expect(both['java.lang.Thread']).toMatchObject({
      [main]: { osName: 'main', osThreadId: 1, javaName: 'main', javaThreadId: 1, virtual: false },
      [gone]: { osName: 'gone', osThreadId: 2, javaName: null },
    });
    pools.endThread(gone);
    expect(Object.keys((await chunk())['java.lang.Thread']!)).toEqual([String(main)]);
    expect(Object.keys((await chunk())['test.types.Action']!)).toEqual(['1', '2']);
    expect(pools.use('java.lang.Thread', gone)).toBe(false);
  });

  it('refuse what readers choke on', () => {
    const { pools } = setUp();
    const bad = expect.objectContaining({ code: 'JFR_BAD_VALUE' });
    const type = pools.class({ name: 'app.Main' });
    expect(() => pools.method({ type, name: 'run', descriptor: 'V' })).toThrow(bad);
    expect(() => pools.method({ type: 77, name: 'run' })).toThrow(bad);
    expect(() => pools.stackTrace([{ method: -1 }])).toThrow(bad);
    expect(() => pools.enumeration('test.types.Action', 'other')).toThrow(bad);
    expect(pools.enumeration('test.types.Action', 'zero')).toBe(2);
  });
});
