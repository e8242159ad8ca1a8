// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { EventDeclaration, FieldDeclaration, SettingDeclaration } from '../declaration.ts';
import { openRecording } from '../recording.ts';
import { memorySink } from './recording-sink.ts';
import { RecordingWriter } from './recording-writer.ts';
import { EventRegistry } from './registry.ts';

const text: FieldDeclaration = { name: 'text', type: 'java.lang.String', label: 'Text' };

const country: SettingDeclaration = {
  name: 'country',
  control: 'test.settings.Country',
  label: 'Country',
  description: 'Where from',
  defaultValue: 'any',
};

function declare(changes: Partial<EventDeclaration>): EventDeclaration {
  return { name: 'test.Event', label: 'Event', category: ['Test'], fields: [text], ...changes };
}

describe('a registered event type', () => {
  it('is described by the metadata as it was declared', async () => {
    const sink = memorySink();
    const writer = new RecordingWriter(sink);
    const declaration = declare({
      description: 'All there is to say',
      category: ['Test', 'Inner'],
      duration: true,
      thread: true,
      stackTrace: true,
      experimental: true,
      settings: { threshold: '20 ms', period: 'everyChunk' },
      controls: [country],
      fields: [
        { name: 'gc', type: 'int', label: 'GC', unsigned: true, relation: 'jdk.types.GcId' },
        { name: 'size', type: 'long', label: 'Size', content: 'bytes', description: 'In all' },
        {
          name: 'space',
          type: {
            struct: 'jdk.types.VirtualSpace',
            fields: [{ name: 'start', type: 'long', label: 'S' }],
          },
          label: 'Space',
        },
        {
          name: 'cause',
          type: { enumeration: 'test.Cause', values: ['a'], field: 'cause' },
          label: 'C',
        },
      ],
    });
    writer.event(declaration);
    writer.finish();
    const chunk = await (await openRecording(sink.bytes())).chunk(0);
    const type = chunk.types.event('test.Event')!;
    expect(type).toMatchObject({
      label: 'Event',
      description: 'All there is to say',
      category: ['Test', 'Inner'],
      experimental: true,
      settings: [
        { name: 'country', typeName: 'test.settings.Country', defaultValue: 'any' },
        { name: 'threshold', typeName: 'jdk.settings.Threshold', defaultValue: '20 ms' },
        { name: 'stackTrace', typeName: 'jdk.settings.StackTrace', defaultValue: 'true' },
        { name: 'period', typeName: 'jdk.settings.Period', defaultValue: 'everyChunk' },
        { name: 'enabled', typeName: 'jdk.settings.Enabled', defaultValue: 'true' },
      ],
    });
    expect(type.fields.map(({ name, typeName, pooled }) => [name, typeName, pooled])).toEqual([
      ['startTime', 'long', false],
      ['duration', 'long', false],
      ['eventThread', 'java.lang.Thread', true],
      ['stackTrace', 'jdk.types.StackTrace', true],
      ['gc', 'int', false],
      ['size', 'long', false],
      ['space', 'jdk.types.VirtualSpace', false],
      ['cause', 'test.Cause', true],
    ]);
    expect(type.fields[4]).toMatchObject({ label: 'GC', unsigned: true });
    expect(type.fields[4]!.annotations.map(({ typeName }) => typeName)).toContain('jdk.types.GcId');
    expect(type.fields[5]).toMatchObject({ dataAmount: 'BYTES', description: 'In all' });
    expect(chunk.types.byName('test.Cause')).toMatchObject({
      simple: true,
      fields: [{ name: 'cause', typeName: 'java.lang.String' }],
    });
    expect(chunk.types.byName('test.settings.Country')).toMatchObject({
      superType: 'jdk.jfr.SettingControl',
      label: 'Country',
      description: 'Where from',
    });
    // one setting event per type and setting, of ids that are declared
    const settings = chunk.columns('jdk.ActiveSetting');
    const told = Array.from({ length: settings.length }, (_, row) => [
      chunk.types.byId(Number(settings.get('id').get(row)))?.name,
      settings.text('name', row),
      settings.text('value', row),
    ]);
    expect(told).toContainEqual(['test.Event', 'threshold', '20 ms']);
    expect(told.filter(([name]) => name === 'test.Event')).toHaveLength(5);
    expect(told.every(([name]) => name !== undefined)).toBe(true);
  });

  it('keeps its id, and is itself when registered again', () => {
    const registry = new EventRegistry();
    const type = registry.register(declare({}));
    expect(registry.register(declare({}))).toBe(type);
    const { version } = registry;
    registry.register(declare({ name: 'test.Other' }));
    expect(registry.version).toBeGreaterThan(version);
    expect(registry.event('test.Event')).toBe(type);
    expect(type.id).toBeLessThan(128);
  });
});

describe('a declaration that cannot be written', () => {
  const field = (changes: Partial<FieldDeclaration>): Partial<EventDeclaration> => ({
    fields: [{ ...text, ...changes }],
  });
  const enumeration = (values: readonly string[], name = 'test.E'): Partial<EventDeclaration> =>
    field({ type: { enumeration: name, values } });
  const wrong: readonly [string, Partial<EventDeclaration>][] = [
    ['a name that Java does not take', { name: 'test.page-fault' }],
    ['the name of a type that is none', { name: 'java.lang.Thread' }],
    ['a setting without a control', { settings: { color: 'red' } }],
    ["a control of its own for the JDK's setting", { controls: [{ ...country, name: 'period' }] }],
    [
      'a control with the name of a type that is none',
      { controls: [{ ...country, control: 'int' }] },
    ],
    ['two fields of one name', { fields: [text, text] }],
    ['a field named as an implicit one', field({ name: 'startTime' })],
    ['a field name that Java does not take', field({ name: 'page fault' })],
    ['an unknown type', field({ type: 'jdk.types.Unheard' })],
    ['an unknown relation', field({ relation: 'test.Unheard' })],
    ['an enumeration of nothing', enumeration([])],
    ['an enumeration with the name of an event', enumeration(['a'], 'test.Event0')],
  ];
  it.each(wrong)('is refused: %s', (_what, changes) => {
    const registry = new EventRegistry([declare({ name: 'test.Event0' })]);
    expect(() => registry.register(declare(changes))).toThrow(
      expect.objectContaining({ code: 'JFR_BAD_DECLARATION' }),
    );
    expect(registry.event('test.Event')).toBeUndefined();
  });

  it('is refused: the same name otherwise, the same enumeration otherwise', () => {
    const registry = new EventRegistry([declare(enumeration(['a', 'b']))]);
    const bad = expect.objectContaining({ code: 'JFR_BAD_DECLARATION' });
    expect(() => registry.register(declare({}))).toThrow(bad);
    const other = { name: 'test.Other', ...enumeration(['b', 'a']) };
    expect(() => registry.register(declare(other))).toThrow(bad);
  });
});

describe('type ids', () => {
  const named = (name: string, typeId?: number): EventDeclaration =>
    declare({ name, ...(typeId === undefined ? {} : { typeId }) });

  it('are those asked for, whatever the order of registration; the others come after them', () => {
    const one = new EventRegistry([named('a.A', 2), named('a.B'), named('a.C', 3)]);
    const two = new EventRegistry([named('a.C', 3), named('a.X'), named('a.A', 2)]);
    for (const registry of [one, two]) {
      expect(registry.event('a.A')?.id).toBe(2);
      expect(registry.event('a.C')?.id).toBe(3);
    }
    expect(one.event('a.B')?.id).toBe(32);
  });

  it('are refused when taken or out of their range', () => {
    expect(() => new EventRegistry([named('a.A', 2), named('a.B', 2)])).toThrow(/type id of a\.A/);
    for (const id of [1, 32, 2.5]) {
      expect(() => new EventRegistry([named('a.A', id)])).toThrow(/asks for type id/);
    }
  });
});
