// SPDX-License-Identifier: Apache-2.0
// The types every recording may use, on one page: primitives, the pools of HotSpot, the annotations and
// the settings, as JDK 25's own recordings declare them.
import type { SettingDeclaration } from '../declaration.ts';
import {
  ANNOTATION,
  type Annotation,
  annotation,
  type ClassField,
  type ClassModel,
  label,
  SETTING_CONTROL,
} from './class-model.ts';

const STRING = 'java.lang.String';
const CONTENT_TYPE = annotation('jdk.jfr.ContentType');
const FLAG = annotation('jdk.jfr.BooleanFlag');

const scalar = (name: string, type: string, text: string): ClassField => ({
  name,
  type,
  annotations: [label(text)],
});
const pooled = (name: string, type: string, text: string): ClassField => ({
  name,
  type,
  constantPool: true,
  annotations: [label(text)],
});
const type = (name: string, text: string, fields: readonly ClassField[]): ClassModel => ({
  name,
  fields,
  annotations: [label(text)],
});
const simple = (name: string, text: string, field: string, fieldText: string): ClassModel => ({
  name,
  simple: true,
  fields: [scalar(field, STRING, fieldText)],
  annotations: [label(text)],
});
const marker = (name: string, ...annotations: Annotation[]): ClassModel => ({
  name,
  superType: ANNOTATION,
  annotations,
});
const valued = (name: string, valueType: string, ...annotations: Annotation[]): ClassModel => ({
  name,
  superType: ANNOTATION,
  fields: [{ name: 'value', type: valueType }],
  annotations,
});
const arrayed = (name: string): ClassModel => ({
  name,
  superType: ANNOTATION,
  fields: [{ name: 'value', type: STRING, array: true }],
});
const relation = (name: string): ClassModel => marker(name, annotation('jdk.jfr.Relational'));
const control = (name: string, text: string, ...annotations: Annotation[]): ClassModel => ({
  name,
  superType: SETTING_CONTROL,
  annotations: [label(text), ...annotations],
});

/** The type of a setting that an event declaration brings along. */
export function controlOf({
  control: name,
  label: text,
  description,
  flag,
}: SettingDeclaration): ClassModel {
  const about = description === undefined ? [] : [annotation('jdk.jfr.Description', description)];
  return control(name, text, ...about, ...(flag ? [FLAG] : []));
}

const PRIMITIVES: readonly ClassModel[] = [
  { name: 'boolean' },
  { name: 'byte' },
  { name: 'char' },
  { name: 'short' },
  { name: 'int' },
  { name: 'long' },
  { name: 'float' },
  { name: 'double' },
  { name: STRING },
];

/** Pool types in the field order that JMC and async-profiler insist on. */
const POOLS: readonly ClassModel[] = [
  type('java.lang.Thread', 'Thread', [
    scalar('osName', STRING, 'OS Thread Name'),
    scalar('osThreadId', 'long', 'OS Thread Id'),
    scalar('javaName', STRING, 'Java Thread Name'),
    scalar('javaThreadId', 'long', 'Java Thread Id'),
    pooled('group', 'jdk.types.ThreadGroup', 'Java Thread Group'),
    scalar('virtual', 'boolean', 'Virtual Thread'),
  ]),
  type('jdk.types.ThreadGroup', 'Thread Group', [
    pooled('parent', 'jdk.types.ThreadGroup', 'Parent'),
    scalar('name', STRING, 'Name'),
  ]),
  type('java.lang.Class', 'Java Class', [
    pooled('classLoader', 'jdk.types.ClassLoader', 'Class Loader'),
    pooled('name', 'jdk.types.Symbol', 'Name'),
    pooled('package', 'jdk.types.Package', 'Package'),
    scalar('modifiers', 'int', 'Access Modifiers'),
    scalar('hidden', 'boolean', 'Hidden'),
  ]),
  type('jdk.types.ClassLoader', 'Java Class Loader', [
    pooled('type', 'java.lang.Class', 'Type'),
    pooled('name', 'jdk.types.Symbol', 'Name'),
  ]),
  type('jdk.types.Method', 'Java Method', [
    pooled('type', 'java.lang.Class', 'Type'),
    pooled('name', 'jdk.types.Symbol', 'Name'),
    pooled('descriptor', 'jdk.types.Symbol', 'Descriptor'),
    scalar('modifiers', 'int', 'Access Modifiers'),
    scalar('hidden', 'boolean', 'Hidden'),
  ]),
  type('jdk.types.Package', 'Package', [
    pooled('name', 'jdk.types.Symbol', 'Name'),
    pooled('module', 'jdk.types.Module', 'Module'),
    scalar('exported', 'boolean', 'Exported'),
  ]),
  type('jdk.types.Module', 'Module', [
    pooled('name', 'jdk.types.Symbol', 'Name'),
    pooled('version', 'jdk.types.Symbol', 'Version'),
    pooled('location', 'jdk.types.Symbol', 'Location'),
    pooled('classLoader', 'jdk.types.ClassLoader', 'Class Loader'),
  ]),
  simple('jdk.types.Symbol', 'Symbol', 'string', 'String'),
  type('jdk.types.StackTrace', 'Stacktrace', [
    scalar('truncated', 'boolean', 'Truncated'),
    {
      name: 'frames',
      type: 'jdk.types.StackFrame',
      array: true,
      annotations: [label('Stack Frames')],
    },
  ]),
  {
    name: 'jdk.types.StackFrame',
    fields: [
      pooled('method', 'jdk.types.Method', 'Java Method'),
      scalar('lineNumber', 'int', 'Line Number'),
      scalar('bytecodeIndex', 'int', 'Bytecode Index'),
      pooled('type', 'jdk.types.FrameType', 'Frame Type'),
    ],
  },
  simple('jdk.types.FrameType', 'Frame type', 'description', 'Description'),
  simple('jdk.types.ThreadState', 'Java Thread State', 'name', 'Name'),
  simple(
    'jdk.types.NetworkInterfaceName',
    'Network Interface',
    'networkInterface',
    'Network Interface',
  ),
  simple('jdk.types.NMTType', 'Native Memory Tracking Type', 'name', 'Name'),
  {
    name: 'jdk.types.ChunkHeader',
    simple: true,
    fields: [{ name: 'payload', type: 'byte', array: true, annotations: [label('Payload')] }],
    annotations: [label('Chunk Header')],
  },
];

const ANNOTATIONS: readonly ClassModel[] = [
  valued('jdk.jfr.Name', STRING),
  valued('jdk.jfr.Label', STRING),
  valued('jdk.jfr.Description', STRING),
  arrayed('jdk.jfr.Category'),
  marker('jdk.jfr.ContentType', label('Content Type')),
  marker('jdk.jfr.Relational', label('Relation')),
  valued('jdk.jfr.Timestamp', STRING, label('Timestamp'), CONTENT_TYPE),
  valued('jdk.jfr.Timespan', STRING, label('Timespan'), CONTENT_TYPE),
  valued('jdk.jfr.DataAmount', STRING, label('Data Amount'), CONTENT_TYPE),
  marker('jdk.jfr.MemoryAddress', label('Memory Address'), CONTENT_TYPE),
  marker('jdk.jfr.Percentage', label('Percentage'), CONTENT_TYPE),
  marker('jdk.jfr.Frequency', label('Frequency'), CONTENT_TYPE),
  marker('jdk.jfr.Unsigned', label('Unsigned Value'), CONTENT_TYPE),
  marker('jdk.jfr.BooleanFlag', label('Flag'), CONTENT_TYPE),
  marker('jdk.jfr.Experimental', label('Experimental')),
  relation('jdk.types.JavaMonitorAddress'),
  relation('jdk.types.SafepointId'),
  relation('jdk.types.GcId'),
  relation('jdk.types.CompileId'),
  relation('jdk.types.SweepId'),
  relation('jdk.types.FlushId'),
  relation('jdk.types.ClassRedefinitionId'),
];

const NANOSECONDS = annotation('jdk.jfr.Timespan', 'NANOSECONDS');

const SETTINGS: readonly ClassModel[] = [
  control('jdk.settings.Threshold', 'Threshold', NANOSECONDS),
  control('jdk.settings.StackTrace', 'Stack Trace', FLAG),
  control('jdk.settings.Period', 'Period'),
  control('jdk.settings.Cutoff', 'Cutoff', NANOSECONDS),
  control('jdk.settings.Throttle', 'Throttle'),
  control('jdk.settings.Level', 'Level'),
  control('jdk.settings.Enabled', 'Enabled', FLAG),
];

/** Every standard type by name. */
export const STANDARD_TYPES: ReadonlyMap<string, ClassModel> = new Map(
  [...PRIMITIVES, ...POOLS, ...ANNOTATIONS, ...SETTINGS].map((model) => [model.name, model]),
);

/** Setting name to its control, in the order in which an event type lists them. */
export const SETTING_TYPES: ReadonlyMap<string, string> = new Map([
  ['threshold', 'jdk.settings.Threshold'],
  ['stackTrace', 'jdk.settings.StackTrace'],
  ['period', 'jdk.settings.Period'],
  ['cutoff', 'jdk.settings.Cutoff'],
  ['throttle', 'jdk.settings.Throttle'],
  ['level', 'jdk.settings.Level'],
  ['enabled', 'jdk.settings.Enabled'],
]);

/** Types that are in every metadata, used or not: readers look for some of them by name. */
export const ALWAYS_DECLARED: readonly string[] = [...PRIMITIVES, ...POOLS].map(
  (model) => model.name,
);

/** Entries of HotSpot's frame type pool; the first has key 0. */
export const FRAME_TYPES = ['Interpreted', 'JIT compiled', 'Inlined', 'Native'] as const;
