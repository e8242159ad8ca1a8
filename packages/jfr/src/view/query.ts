// SPDX-License-Identifier: Apache-2.0
// What a view asks. An expression is a field, or an aggregate of one: `sum(weight) as W`; a field is a
// path (`stackTrace.topFrame`), may name its source (`B.heapUsed`) or several (`[Y|O].eventType.label`),
// and `*` stands for any. Without groupBy, an aggregate makes one row of all events; without aggregate,
// each event is a row.

export interface ViewColumn {
  readonly expression: string;
  /** Default: the label of the field. */
  readonly heading: string | undefined;
  /** `normalized`, `cell-height:N`, `missing:TEXT`, `truncate-beginning`, `ms-precision:N`. */
  readonly format: readonly string[];
}

export interface Query {
  /** None: all fields of the event. */
  readonly columns: readonly ViewColumn[];
  /** Event types, each perhaps `as` an alias; `*` is every type. */
  readonly from: readonly string[];
  /** Field and the text it must show as. A condition narrows the source that its field belongs to. */
  readonly where?: readonly (readonly [field: string, text: string])[];
  readonly groupBy?: readonly string[];
  /** Field or alias, perhaps with `asc` or `desc`; the first is the most important. */
  readonly orderBy?: readonly string[];
  readonly limit?: number;
}

export interface ViewDefinition extends Query {
  readonly name: string;
  readonly group: 'application' | 'environment' | 'jvm';
  readonly label: string;
  /** One row, a line for each field, instead of a table. */
  readonly form: boolean;
}

export const AGGREGATES = [
  'avg',
  'count',
  'diff',
  'first',
  'last',
  'last_batch',
  'list',
  'set',
  'max',
  'median',
  'min',
  'p90',
  'p95',
  'p99',
  'p999',
  'stdev',
  'sum',
  'unique',
] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface Expression {
  readonly field: string;
  readonly aggregate: Aggregate | undefined;
  readonly alias: string | undefined;
}

/** Splits `sum(weight) as W`. */
export function parseExpression(text: string): Expression {
  const [body = '', alias] = text.split(' as ');
  const call = /^(\w+)\((.*)\)$/.exec(body.trim());
  const aggregate = AGGREGATES.find((name) => name === call?.[1]?.toLowerCase());
  return { field: aggregate ? (call?.[2] ?? '').trim() : body.trim(), aggregate, alias };
}

export interface Order {
  readonly field: string;
  readonly direction: 'asc' | 'desc' | undefined;
}

export function parseOrder(text: string): Order {
  const match = /^(\S+)(?:\s+(asc|desc))?$/i.exec(text);
  const direction = match?.[2]?.toLowerCase() as Order['direction'];
  return { field: match?.[1] ?? text, direction };
}
