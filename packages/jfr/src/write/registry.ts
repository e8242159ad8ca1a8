// SPDX-License-Identifier: Apache-2.0
// Gives every declared event type, and every type it needs, an id that stays the same in all chunks of
// a process.

import type { Content, EventDeclaration, FieldDeclaration } from '../declaration.ts';
import { JfrError } from '../error.ts';
import {
  type Annotation,
  annotation,
  type ClassField,
  type ClassModel,
  type ClassSetting,
  EVENT,
  label,
} from './class-model.ts';
import { ALWAYS_DECLARED, controlOf, SETTING_TYPES, STANDARD_TYPES } from './standard-types.ts';

/** 0 is metadata and 1 is checkpoint; an id below 128 takes one byte in each event. */
const FIRST_EVENT_ID = 2;
/** Ids below are for declarations that name theirs. */
const FIRST_FREE_EVENT_ID = 32;
const FIRST_TYPE_ID = 10_000;
/** Ids that are no event's are drawn for each registry from so many ranges of TYPE_RANGE ids. */
const TYPE_RANGES = 2 ** 18;
const TYPE_RANGE = 1024;

/**
 * The ids of pool types differ from registry to registry. JDK 25 carries its constant lookups from chunk
 * to chunk by type id (ChunkParser.fillConstantPools) and takes a key of the chunk before for the same
 * constant; so in a file joined from two processes, equal ids would show one's strings in the other's
 * events. Events do not carry these ids: a large one costs a few bytes per checkpoint.
 */
function drawTypeIds(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return FIRST_TYPE_ID + (random % TYPE_RANGES) * TYPE_RANGE;
}

/** How a value of a field is written. `pool` and `enumeration` are keys into a constant pool. */
export type FieldKind =
  | 'boolean'
  | 'byte'
  | 'char'
  | 'short'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'string'
  | 'pool'
  | 'enumeration';

/** One positional argument of an event: a field, or a field of an inline struct. */
export interface EventArgument {
  /** Field name; `struct.field` inside a struct. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly unsigned: boolean;
  /** Values of an enumeration, the first of which has key 1. */
  readonly values: readonly string[];
}

/** An event type as it is written in this process. */
export interface EventType<Declaration extends EventDeclaration = EventDeclaration> {
  readonly id: number;
  readonly name: string;
  readonly declaration: Declaration;
  /** What the encoder takes, in order: startTime, [duration], [eventThread], [stackTrace], fields. */
  readonly arguments: readonly EventArgument[];
  /** Settings with their defaults, `enabled` last. */
  readonly settings: readonly ClassSetting[];
}

export interface RegisteredClass {
  readonly id: number;
  readonly model: ClassModel;
}

const SCALAR_KINDS: Readonly<Record<string, FieldKind>> = {
  boolean: 'boolean',
  byte: 'byte',
  char: 'char',
  short: 'short',
  int: 'int',
  long: 'long',
  float: 'float',
  double: 'double',
  'java.lang.String': 'string',
};

const CONTENT: Readonly<Record<Content, Annotation>> = {
  'timestamp-ticks': annotation('jdk.jfr.Timestamp', 'TICKS'),
  'timestamp-epoch-millis': annotation('jdk.jfr.Timestamp', 'MILLISECONDS_SINCE_EPOCH'),
  'timespan-ticks': annotation('jdk.jfr.Timespan', 'TICKS'),
  'timespan-nanos': annotation('jdk.jfr.Timespan', 'NANOSECONDS'),
  'timespan-micros': annotation('jdk.jfr.Timespan', 'MICROSECONDS'),
  'timespan-millis': annotation('jdk.jfr.Timespan', 'MILLISECONDS'),
  'timespan-seconds': annotation('jdk.jfr.Timespan', 'SECONDS'),
  bytes: annotation('jdk.jfr.DataAmount', 'BYTES'),
  bits: annotation('jdk.jfr.DataAmount', 'BITS'),
  'memory-address': annotation('jdk.jfr.MemoryAddress'),
  percentage: annotation('jdk.jfr.Percentage'),
  frequency: annotation('jdk.jfr.Frequency'),
};

const START_TIME: FieldDeclaration = {
  name: 'startTime',
  type: 'long',
  label: 'Start Time',
  content: 'timestamp-ticks',
};
const DURATION: FieldDeclaration = {
  name: 'duration',
  type: 'long',
  label: 'Duration',
  content: 'timespan-ticks',
};
const EVENT_THREAD: FieldDeclaration = {
  name: 'eventThread',
  type: 'java.lang.Thread',
  label: 'Event Thread',
};
const STACK_TRACE: FieldDeclaration = {
  name: 'stackTrace',
  type: 'jdk.types.StackTrace',
  label: 'Stack Trace',
};

/** All fields of an event type, the implicit ones first, in HotSpot's order. */
export function allFields(declaration: EventDeclaration): readonly FieldDeclaration[] {
  const fields = [START_TIME];
  if (declaration.duration) fields.push(DURATION);
  if (declaration.thread) fields.push(EVENT_THREAD);
  if (declaration.stackTrace) fields.push(STACK_TRACE);
  return [...fields, ...declaration.fields];
}

/** The settings of an event type: those its shape implies, then what the declaration says. */
export function settingsOf(declaration: EventDeclaration): readonly ClassSetting[] {
  const { controls = [] } = declaration;
  const values: Record<string, string> = {
    ...Object.fromEntries(controls.map(({ name, defaultValue }) => [name, defaultValue])),
    ...(declaration.duration ? { threshold: '0 ns' } : {}),
    ...(declaration.stackTrace ? { stackTrace: 'true' } : {}),
    enabled: 'true',
    ...declaration.settings,
  };
  // a declaration's own, then the JDK's, `enabled` last
  const types = new Map([
    ...controls.map(({ name, control }) => [name, control] as const),
    ...SETTING_TYPES,
  ]);
  for (const name of Object.keys(values)) {
    if (!types.has(name)) {
      throw new JfrError(
        'JFR_BAD_DECLARATION',
        `${declaration.name} has a setting "${name}" that no control exists for`,
        {},
        `known settings: ${[...types.keys()].join(', ')}`,
      );
    }
  }
  const settings: ClassSetting[] = [];
  for (const [name, type] of types) {
    const defaultValue = values[name];
    if (defaultValue !== undefined) settings.push({ name, type, defaultValue });
  }
  return settings;
}

export class EventRegistry {
  readonly #classes = new Map<string, RegisteredClass>();
  readonly #events = new Map<string, EventType>();
  readonly #enumerations = new Map<string, readonly string[]>();
  #nextEvent = FIRST_FREE_EVENT_ID;
  #nextType: number;

  /** `firstTypeId`: where the ids of pool types begin; drawn by lot unless given. */
  constructor(declarations: Iterable<EventDeclaration> = [], firstTypeId: number = drawTypeIds()) {
    this.#nextType = firstTypeId;
    for (const name of ALWAYS_DECLARED) this.#require(name, 'every recording');
    for (const declaration of declarations) this.register(declaration);
  }

  /** Rises whenever a type is added: the id of the metadata. */
  get version(): number {
    return this.#classes.size;
  }

  /** All types, in order of registration. */
  get classes(): Iterable<RegisteredClass> {
    return this.#classes.values();
  }

  /** Event types, in order of registration. */
  get events(): Iterable<EventType> {
    return this.#events.values();
  }

  /** Enumerations that some event uses: name of the pool type to its values. */
  get enumerations(): ReadonlyMap<string, readonly string[]> {
    return this.#enumerations;
  }

  /** Id of a type by name. Throws `UNKNOWN_NAME` for a type no declaration needed. */
  idOf(name: string): number {
    const found = this.#classes.get(name);
    if (found === undefined)
      throw new JfrError('JFR_UNKNOWN_NAME', `no type ${name} is registered`);
    return found.id;
  }

  /** The event type of a name, if registered. */
  event(name: string): EventType | undefined {
    return this.#events.get(name);
  }

  /**
   * Registers an event type, or returns it when the same declaration is there already. Another
   * declaration of the same name throws `BAD_DECLARATION`.
   */
  register<const Declaration extends EventDeclaration>(
    declaration: Declaration,
  ): EventType<Declaration> {
    const known = this.#events.get(declaration.name);
    if (known !== undefined) {
      if (
        known.declaration === declaration ||
        JSON.stringify(known.declaration) === JSON.stringify(declaration)
      ) {
        return known as EventType<Declaration>;
      }
      throw bad(declaration.name, 'is declared already, and differently');
    }
    checkName(declaration.name, declaration.name);
    if (this.#classes.has(declaration.name) || STANDARD_TYPES.has(declaration.name)) {
      throw bad(declaration.name, 'has the name of a type that is no event');
    }
    const fields = allFields(declaration);
    checkFieldNames(declaration.name, fields);
    const eventArguments: EventArgument[] = [];
    const model: ClassModel = {
      name: declaration.name,
      superType: EVENT,
      settings: settingsOf(declaration),
      fields: fields.map((field) => this.#field(declaration.name, field, '', eventArguments)),
      annotations: eventAnnotations(declaration),
    };
    for (const setting of declaration.controls ?? []) {
      if (SETTING_TYPES.has(setting.name)) {
        throw bad(declaration.name, `has a control of its own for the setting "${setting.name}"`);
      }
      this.#define(declaration.name, controlOf(setting));
    }
    const id = this.#eventId(declaration);
    this.#references(model);
    this.#classes.set(declaration.name, { id, model });
    const type: EventType<Declaration> = {
      id,
      name: declaration.name,
      declaration,
      arguments: eventArguments,
      settings: model.settings ?? [],
    };
    this.#events.set(declaration.name, type);
    return type;
  }

  #eventId({ name, typeId }: EventDeclaration): number {
    if (typeId === undefined) {
      if (this.#nextEvent >= FIRST_TYPE_ID) throw bad(name, 'is one event type too many');
      return this.#nextEvent++;
    }
    if (!(Number.isInteger(typeId) && typeId >= FIRST_EVENT_ID && typeId < FIRST_FREE_EVENT_ID)) {
      throw bad(name, `asks for type id ${typeId}`, 'give one from 2 to 31, or none');
    }
    for (const other of this.#events.values()) {
      if (other.id === typeId) throw bad(name, `asks for the type id of ${other.name}, ${typeId}`);
    }
    return typeId;
  }

  #field(
    event: string,
    field: FieldDeclaration,
    prefix: string,
    into: EventArgument[],
  ): ClassField {
    const name = prefix + field.name;
    const annotations = fieldAnnotations(field);
    const unsigned = field.unsigned === true;
    if (typeof field.type === 'string') {
      const kind = SCALAR_KINDS[field.type];
      if (kind === undefined && !STANDARD_TYPES.has(field.type)) {
        throw bad(
          event,
          `has a field ${name} of unknown type ${field.type}`,
          'declare a closed set of strings as {enumeration, values}, inline values as {struct, fields}',
        );
      }
      into.push({ name, kind: kind ?? 'pool', unsigned, values: [] });
      return {
        name: field.name,
        type: field.type,
        annotations,
        ...(kind === undefined ? { constantPool: true } : {}),
      };
    }
    if ('enumeration' in field.type) {
      const { enumeration, values, field: member = 'name' } = field.type;
      if (values.length === 0) throw bad(event, `has an enumeration ${enumeration} without values`);
      this.#enumeration(event, enumeration, values, member);
      into.push({ name, kind: 'enumeration', unsigned, values });
      return { name: field.name, type: enumeration, constantPool: true, annotations };
    }
    const { struct, fields } = field.type;
    checkFieldNames(struct, fields);
    const model: ClassModel = {
      name: struct,
      fields: fields.map((inner) => this.#field(event, inner, `${name}.`, into)),
    };
    this.#define(event, model);
    return { name: field.name, type: struct, annotations };
  }

  #enumeration(event: string, name: string, values: readonly string[], member: string): void {
    const known = this.#enumerations.get(name);
    if (known !== undefined && known.join('\0') !== values.join('\0')) {
      throw bad(event, `uses the enumeration ${name} with other values than another event`);
    }
    if (known === undefined && STANDARD_TYPES.get(name)?.simple !== true) {
      const simpleName = name.slice(name.lastIndexOf('.') + 1);
      const words = simpleName.replace(/([a-z])([A-Z])/g, '$1 $2');
      this.#define(event, {
        name,
        simple: true,
        fields: [{ name: member, type: 'java.lang.String' }],
        annotations: [label(words)],
      });
    }
    this.#enumerations.set(name, values);
  }

  /** Adds a type that a declaration defines; the same definition twice is fine. */
  #define(event: string, model: ClassModel): void {
    checkName(event, model.name);
    const known = this.#classes.get(model.name)?.model ?? STANDARD_TYPES.get(model.name);
    if (known === undefined) this.#add(model);
    else if (JSON.stringify(known) !== JSON.stringify(model)) {
      throw bad(event, `defines ${model.name} otherwise than it is defined elsewhere`);
    }
  }

  #require(name: string, user: string): void {
    if (this.#classes.has(name)) return;
    const model = STANDARD_TYPES.get(name);
    if (model === undefined) throw bad(user, `needs an unknown type ${name}`);
    this.#add(model);
  }

  #add(model: ClassModel): void {
    // The id comes first: types may refer to themselves (ThreadGroup.parent).
    this.#classes.set(model.name, { id: this.#nextType++, model });
    this.#references(model);
  }

  #references(model: ClassModel): void {
    for (const setting of model.settings ?? []) this.#require(setting.type, model.name);
    for (const used of model.annotations ?? []) this.#require(used.type, model.name);
    for (const field of model.fields ?? []) {
      this.#require(field.type, model.name);
      for (const used of field.annotations ?? []) this.#require(used.type, model.name);
    }
  }
}

function eventAnnotations(declaration: EventDeclaration): readonly Annotation[] {
  const category = Object.fromEntries(
    declaration.category.map((part, index) => [`value-${index}`, part]),
  );
  return [
    { type: 'jdk.jfr.Category', members: category },
    label(declaration.label),
    ...(declaration.description === undefined
      ? []
      : [annotation('jdk.jfr.Description', declaration.description)]),
    ...(declaration.experimental ? [annotation('jdk.jfr.Experimental')] : []),
  ];
}

function fieldAnnotations(field: FieldDeclaration): readonly Annotation[] {
  return [
    label(field.label),
    ...(field.description === undefined
      ? []
      : [annotation('jdk.jfr.Description', field.description)]),
    ...(field.unsigned ? [annotation('jdk.jfr.Unsigned')] : []),
    ...(field.content === undefined ? [] : [CONTENT[field.content]]),
    ...(field.relation === undefined ? [] : [annotation(field.relation)]),
  ];
}

function checkName(event: string, name: string): void {
  if (!/^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/.test(name)) {
    throw bad(event, `needs a type named "${name}", which is no qualified Java name`);
  }
}

function checkFieldNames(owner: string, fields: readonly FieldDeclaration[]): void {
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) {
      throw bad(owner, `has a field named "${name}", which is no Java identifier`);
    }
    if (seen.has(name)) throw bad(owner, `has two fields named ${name}`);
    seen.add(name);
  }
}

function bad(event: string, what: string, hint?: string): JfrError {
  return new JfrError('JFR_BAD_DECLARATION', `${event} ${what}`, {}, hint);
}
