// SPDX-License-Identifier: Apache-2.0
// From a query to the fields that answer it, by the event types of a recording.
import { JfrError } from '../error.ts';
import type { ClassType, Field, TypeModel } from '../type-model.ts';
import {
  aggregateField,
  buildField,
  KNOWN_TYPES,
  labelOf,
  type Source,
  typeNameOf,
  type ViewField,
} from './field.ts';
import { formatCell } from './format-cell.ts';
import { nearestName } from './nearest-name.ts';
import { parseExpression, parseOrder, type Query } from './query.ts';

/** Throws JFR_UNKNOWN_NAME for an event type or a field that the recording does not have. */
export function resolveQuery(query: Query, types: TypeModel): ViewField[] {
  return new Resolver(types).resolve(query);
}

/** Rows of a query are groups, even where it does not say by what. */
export function isGrouping(query: Query): boolean {
  const aggregates = query.columns.some((column) => parseExpression(column.expression).aggregate);
  return aggregates || (query.groupBy?.length ?? 0) > 0;
}

/** The event types that a source of a query means; `*` means all. Throws JFR_UNKNOWN_NAME for none. */
export function sourceTypes(from: string, { events }: TypeModel): ClassType[] {
  const [name = ''] = from.split(' as ');
  if (name === '*') return [...events];
  const found =
    events.find((type) => type.name === name) ??
    events.find((type) => type.name.endsWith(`.${name}`));
  if (found) return [found];
  const simple = events.map((type) => type.name.slice(type.name.lastIndexOf('.') + 1));
  const near = nearestName(name, simple);
  const rest = near
    ? ` Did you mean '${near}'?`
    : " 'SHOW EVENTS' will list available event types.";
  throw new JfrError('JFR_UNKNOWN_NAME', `Can't find event type named '${name}'.${rest}`);
}

class Resolver {
  readonly #types: TypeModel;
  readonly #sources: Source[] = [];
  readonly #aliases: Map<string, ViewField> = new Map();
  readonly #fields: ViewField[] = [];

  constructor(types: TypeModel) {
    this.#types = types;
  }

  resolve(query: Query): ViewField[] {
    for (const from of query.from) this.#addSource(from);
    if (query.columns.length === 0) {
      for (const source of this.#sources) this.#fields.push(...this.#wildcard(source));
    }
    for (const column of query.columns) {
      const { field: name, aggregate, alias } = parseExpression(column.expression);
      const field = this.#add(name, this.#sources);
      field.visible = true;
      aggregateField(field, aggregate);
      if (alias) this.#aliases.set(alias, field);
    }
    this.#group(query);
    for (const text of query.orderBy ?? []) {
      const order = parseOrder(text);
      const field = this.#aliases.get(order.field) ?? this.#add(order.field, this.#sources);
      field.order = order;
    }
    for (const [name, text] of query.where ?? []) {
      for (const field of this.#find(name, this.#sources)) {
        field.source.conditions.push({ field, text });
      }
    }
    for (const [index, field] of this.#fields.entries()) field.index = index;
    for (const [index, column] of query.columns.entries()) {
      const field = this.#fields[index]!;
      if (column.heading !== undefined) field.label = column.heading;
      for (const style of column.format) applyFormat(field, style);
    }
    return this.#fields;
  }

  #addSource(from: string): void {
    const [, alias] = from.split(' as ');
    for (const type of sourceTypes(from, this.#types)) {
      this.#sources.push({ type, alias, conditions: [] });
    }
  }

  #group(query: Query): void {
    const { groupBy = [] } = query;
    if (groupBy.length === 0) {
      if (!isGrouping(query)) return;
      for (const source of this.#sources) {
        const all = this.#add('startTime', [source]);
        all.get = () => 1;
        all.grouped = true;
      }
      return;
    }
    for (const name of groupBy) {
      for (const source of this.#sources) {
        this.#add(this.#aliases.get(name)?.name ?? name, [source]).grouped = true;
      }
    }
  }

  /** Adds a field that reads the same from each source that has it. */
  #add(name: string, sources: readonly Source[]): ViewField {
    const fields = this.#find(name, sources);
    const primary = fields[0];
    if (!primary) {
      throw unknownField(name, sources);
    }
    const mixed = fields.some((field) => field.dataType !== primary.dataType);
    for (const field of fields) {
      primary.sources.push(field);
      if (!mixed) continue;
      const { get } = field;
      const plain = { ...field };
      field.get = (event) => formatCell(plain, get(event));
      Object.assign(field, { lexical: true, dataType: 'java.lang.String', alignLeft: true });
    }
    this.#fields.push(primary);
    return primary;
  }

  #find(name: string, sources: readonly Source[]): ViewField[] {
    if (name === '*') return this.#find('startTime', sources);
    const several = /^\[(.*)\](.*)$/.exec(name);
    if (several) {
      const [, aliases = '', rest = ''] = several;
      return aliases.split('|').flatMap((alias) => this.#find(alias + rest, sources));
    }
    const fields: ViewField[] = [];
    const add = (source: Source, path: string): void => {
      const field = buildField(source, path, this.#types);
      if (field) fields.push(field);
    };
    for (const source of sources) {
      const full = source.type.name;
      const simple = full.slice(full.lastIndexOf('.') + 1);
      for (const prefix of new Set([full, simple])) {
        if (name.startsWith(`${prefix}.`)) add(source, name.slice(prefix.length + 1));
      }
    }
    for (const source of this.#sources) {
      if (source.alias && name.startsWith(`${source.alias}.`)) {
        add(source, name.slice(source.alias.length + 1));
      }
    }
    for (const source of sources) add(source, name);
    return fields;
  }

  /** All fields of an event type, inline and referenced structs taken apart one level deep. */
  #wildcard(source: Source): ViewField[] {
    const hasDuration = source.type.fields.some(({ name }) => name === 'duration');
    const fields: ViewField[] = [];
    const visited = new Set<Field>();
    const visit = (field: Field, name: string, label: string): void => {
      if (visited.has(field)) return;
      visited.add(field);
      const type = this.#types.byId(field.typeId);
      const isStruct = type && !type.simple && type.fields.length > 0;
      if (isStruct && !KNOWN_TYPES.includes(typeNameOf(field, this.#types))) {
        if (name.includes('.')) return;
        for (const inner of type.fields) {
          const innerLabel = labelOf(inner, false, this.#types);
          visit(inner, `${name}.${inner.name}`, `${label} : ${innerLabel}`);
        }
        return;
      }
      const built = buildField(source, name, this.#types);
      if (!built) return;
      built.label = label;
      built.visible = true;
      built.sources.push(built);
      fields.push(built);
    };
    for (const field of source.type.fields) {
      visit(field, field.name, labelOf(field, hasDuration, this.#types));
    }
    return fields;
  }
}

function unknownField(name: string, sources: readonly Source[]): JfrError {
  const simpleName = (type: ClassType): string => type.name.slice(type.name.lastIndexOf('.') + 1);
  const names = sources.flatMap(({ type }) =>
    type.fields.flatMap((field) => [
      field.name,
      `${type.name}.${field.name}`,
      `${simpleName(type)}.${field.name}`,
    ]),
  );
  const near = nearestName(name, names);
  const where = sources.map(({ type }) => type.name).join(', ');
  const rest = near
    ? `Did you mean '${near}'?`
    : `Use 'SHOW FIELDS ${sources[0] ? simpleName(sources[0].type) : ''}' to list available fields.`;
  return new JfrError('JFR_UNKNOWN_NAME', `Can't find field named '${name}' in ${where}.\n${rest}`);
}

function applyFormat(field: ViewField, style: string): void {
  const [name, value = ''] = style.split(':');
  switch (name) {
    case 'normalized':
      field.normalized = true;
      field.percentage = true;
      return;
    case 'truncate-beginning':
      field.truncate = 'beginning';
      return;
    case 'truncate-end':
      field.truncate = 'end';
      return;
    case 'missing':
      field.missing = value === 'whitespace' ? '' : value;
      return;
    case 'cell-height':
      field.cellHeight = Number(value);
      return;
    case 'ms-precision':
      field.precision = Number(value);
      return;
    default:
      throw new TypeError(`no format ${style}`);
  }
}
