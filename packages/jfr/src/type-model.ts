// SPDX-License-Identifier: Apache-2.0
// What a chunk's metadata says about its types, resolved by name. Ids mean something only inside the
// chunk.

/** An annotation as written: all values are strings. */
export interface Annotation {
  readonly typeId: number;
  /** For example `jdk.jfr.Timespan`. */
  readonly typeName: string;
  /** Members; `value-0`, `value-1` … are gathered into an array under `value`. */
  readonly values: ReadonlyMap<string, string | readonly string[]>;
}

/** A setting an event type offers, with its default. */
export interface Setting {
  readonly name: string;
  /** The setting control's class; undefined when the chunk does not declare it. */
  readonly typeName: string | undefined;
  readonly defaultValue: string;
}

export interface Field {
  readonly name: string;
  readonly typeId: number;
  /** Undefined when the chunk does not declare the class: the type cannot be decoded. */
  readonly typeName: string | undefined;
  /** A count, then that many values. */
  readonly array: boolean;
  /** The value is a key into the constant pool of its type. */
  readonly pooled: boolean;
  readonly annotations: readonly Annotation[];
  readonly label: string | undefined;
  readonly description: string | undefined;
  /** `@Timestamp`: `TICKS` or `MILLISECONDS_SINCE_EPOCH`. */
  readonly timestamp: string | undefined;
  /** `@Timespan`: `TICKS`, `NANOSECONDS`, `MICROSECONDS`, `MILLISECONDS` or `SECONDS`. */
  readonly timespan: string | undefined;
  /** `@DataAmount`: `BYTES` or `BITS`. */
  readonly dataAmount: string | undefined;
  readonly unsigned: boolean;
}

export interface ClassType {
  readonly id: number;
  readonly name: string;
  readonly superType: string | undefined;
  /** Written as a struct of one field, meant as that field's value. */
  readonly simple: boolean;
  readonly fields: readonly Field[];
  readonly settings: readonly Setting[];
  readonly annotations: readonly Annotation[];
  readonly label: string | undefined;
  readonly description: string | undefined;
  /** Outermost first; empty when none is declared. */
  readonly category: readonly string[];
  readonly experimental: boolean;
  /** True for event types. */
  readonly event: boolean;
}

/** Where the recording was made. */
export interface Region {
  readonly locale: string | undefined;
  /** Milliseconds east of UTC, daylight saving excluded. */
  readonly gmtOffset: number | undefined;
  /** Daylight saving in milliseconds (newer JDKs). */
  readonly dst: number | undefined;
}

/** The types of one chunk. */
export class TypeModel {
  /** Changes whenever the types change (async-profiler always writes 0x7fffffff). */
  readonly id: number | bigint;
  readonly region: Region;
  /** In file order. */
  readonly classes: readonly ClassType[];
  /** The classes that are events, in file order. */
  readonly events: readonly ClassType[];
  readonly #byId: Map<number, ClassType>;
  readonly #byName: Map<string, ClassType>;

  constructor(id: number | bigint, classes: readonly ClassType[], region: Region) {
    this.id = id;
    this.region = region;
    this.classes = classes;
    this.events = classes.filter((type) => type.event);
    this.#byId = new Map(classes.map((type) => [type.id, type]));
    this.#byName = new Map(classes.map((type) => [type.name, type]));
  }

  byId(id: number): ClassType | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): ClassType | undefined {
    return this.#byName.get(name);
  }

  /** The event type of that name; undefined when the chunk declares none. */
  event(name: string): ClassType | undefined {
    const type = this.#byName.get(name);
    return type?.event === true ? type : undefined;
  }
}

type FieldParts = Pick<Field, 'name' | 'typeId' | 'typeName' | 'array' | 'pooled' | 'annotations'>;
/** What takes longest to read of a class. */
export type ClassBody = Pick<ClassType, 'fields' | 'settings' | 'annotations'>;

/** Adds what the annotations of a field mean, looked up when asked for: few ever are. */
export function makeField(parts: FieldParts): Field {
  return new AnnotatedField(parts);
}

class AnnotatedField implements Field {
  readonly name: string;
  readonly typeId: number;
  readonly typeName: string | undefined;
  readonly array: boolean;
  readonly pooled: boolean;
  readonly annotations: readonly Annotation[];
  readonly unsigned: boolean;

  constructor(parts: FieldParts) {
    this.name = parts.name;
    this.typeId = parts.typeId;
    this.typeName = parts.typeName;
    this.array = parts.array;
    this.pooled = parts.pooled;
    this.annotations = parts.annotations;
    this.unsigned = parts.annotations.some(({ typeName }) => typeName === 'jdk.jfr.Unsigned');
  }

  get label(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Label');
  }

  get description(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Description');
  }

  get timestamp(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Timestamp');
  }

  get timespan(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Timespan');
  }

  get dataAmount(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.DataAmount');
  }
}

/** A class, of which all but this is read when it is first asked for. */
export class LazyClass implements ClassType {
  readonly id: number;
  readonly name: string;
  readonly superType: string | undefined;
  readonly simple: boolean;
  readonly event: boolean;
  readonly #read: () => ClassBody;
  #body: ClassBody | undefined;

  constructor(
    head: Pick<ClassType, 'id' | 'name' | 'superType' | 'simple'>,
    read: () => ClassBody,
  ) {
    this.id = head.id;
    this.name = head.name;
    this.superType = head.superType;
    this.simple = head.simple;
    this.event = head.superType === 'jdk.jfr.Event';
    this.#read = read;
  }

  get fields(): readonly Field[] {
    this.#body ??= this.#read();
    return this.#body.fields;
  }

  get settings(): readonly Setting[] {
    this.#body ??= this.#read();
    return this.#body.settings;
  }

  get annotations(): readonly Annotation[] {
    this.#body ??= this.#read();
    return this.#body.annotations;
  }

  get label(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Label');
  }

  get description(): string | undefined {
    return annotation(this.annotations, 'jdk.jfr.Description');
  }

  get category(): readonly string[] {
    const path = annotationValue(this.annotations, 'jdk.jfr.Category');
    if (path === undefined) return [];
    return typeof path === 'string' ? [path] : path;
  }

  get experimental(): boolean {
    return this.annotations.some(({ typeName }) => typeName === 'jdk.jfr.Experimental');
  }
}

function annotation(annotations: readonly Annotation[], typeName: string): string | undefined {
  const value = annotationValue(annotations, typeName);
  return typeof value === 'string' ? value : value?.[0];
}

function annotationValue(
  annotations: readonly Annotation[],
  typeName: string,
): string | readonly string[] | undefined {
  return annotations.find((item) => item.typeName === typeName)?.values.get('value');
}
