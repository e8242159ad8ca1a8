// SPDX-License-Identifier: Apache-2.0
// Event types are data. Metadata, encoder, columns, documentation and TypeScript types of an event
// all derive from the one declaration of it.

/** Scalar field types, by the name the format gives them. `long` is a signed 64-bit integer. */
export type ScalarType =
  | 'boolean'
  | 'byte'
  | 'char'
  | 'short'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'java.lang.String';

/** Types whose values live in a constant pool; an event carries a key into it. */
export type PoolType =
  | 'java.lang.Thread'
  | 'java.lang.Class'
  | 'jdk.types.StackTrace'
  | 'jdk.types.Method'
  | (string & {});

/** A closed set of strings, written as a constant pool of its own (as the JDK writes ThreadState). */
export interface Enumeration {
  /** Name of the pool's type, for example `rekindle.types.FaultAction`. */
  readonly enumeration: string;
  /** Values in key order; the first has key 1. */
  readonly values: readonly string[];
  /** Name of the pool type's one field; `name` where absent. (The JDK's GCCause says `cause`.) */
  readonly field?: string;
}

/**
 * Several values written inline as one field, as the JDK's `jdk.types.VirtualSpace` in GCHeapSummary:
 * JMC asks for `heapSpace:committedSize`. When an event is committed by position, the struct's fields
 * are arguments of their own, in place of the struct.
 */
export interface Struct {
  /** Name of the struct's type, for example `jdk.types.VirtualSpace`. */
  readonly struct: string;
  readonly fields: readonly FieldDeclaration[];
}

/** What a number means, as `jdk.jfr` content-type annotations say it. */
export type Content =
  | 'timestamp-ticks'
  | 'timestamp-epoch-millis'
  | 'timespan-ticks'
  | 'timespan-nanos'
  | 'timespan-micros'
  | 'timespan-millis'
  | 'timespan-seconds'
  | 'bytes'
  | 'bits'
  | 'memory-address'
  | 'percentage'
  | 'frequency';

export interface FieldDeclaration {
  readonly name: string;
  readonly type: ScalarType | PoolType | Enumeration | Struct;
  readonly label: string;
  readonly description?: string;
  readonly content?: Content;
  readonly unsigned?: boolean;
  /** A relational annotation type, for example `jdk.types.GcId`. */
  readonly relation?: string;
}

/**
 * One event type. `startTime` is always field 0; `duration`, `eventThread` and `stackTrace` follow in
 * HotSpot's order where they are switched on; then `fields` in the order given.
 */
export interface EventDeclaration {
  /** Qualified name, for example `rekindle.PageFault`. */
  readonly name: string;
  readonly label: string;
  readonly description?: string;
  /**
   * Type id, 2 to 31: for events of several programs whose recordings are joined into one file. The JDK's
   * tools count and filter by type id over all chunks (`jfr summary`, `jfr print --events`), so there the
   * same event must have the same id everywhere, and no other event may have it.
   */
  readonly typeId?: number;
  /** Category path, outermost first. */
  readonly category: readonly string[];
  readonly duration?: boolean;
  readonly thread?: boolean;
  readonly stackTrace?: boolean;
  readonly experimental?: boolean;
  readonly fields: readonly FieldDeclaration[];
  /** Default settings, by name: enabled, threshold, stackTrace, period, cutoff, throttle, level; or of `controls`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Settings beyond the JDK's, as its `@SettingDefinition` methods make them. */
  readonly controls?: readonly SettingDeclaration[];
}

/** A setting of an event type that no control of the JDK exists for. */
export interface SettingDeclaration {
  readonly name: string;
  /** Qualified name of its control, for example `app.settings.Country`. */
  readonly control: string;
  readonly label: string;
  readonly description?: string;
  /** Whether its values are `true` and `false`. */
  readonly flag?: boolean;
  readonly defaultValue: string;
}
