// SPDX-License-Identifier: Apache-2.0
// `jfr view`: a view by its name, an event type by its name, or all of either.
import type { Chunk } from '../chunk.ts';
import { JfrError } from '../error.ts';
import { wellFormed } from '../print/well-formed.ts';
import type { Recording } from '../recording.ts';
import type { ClassType, TypeModel } from '../type-model.ts';
import { formatForm } from './form-text.ts';
import type { Query, ViewDefinition } from './query.ts';
import { sourceTypes } from './resolve.ts';
import { type Answer, QueryRun } from './run.ts';
import { formatTable, type TableOptions } from './table-text.ts';
import { VIEWS } from './views.ts';

export type ViewOptions = Omit<TableOptions, 'title'>;

/** An answer as data, for programs. */
export interface ViewAnswer extends Answer {
  readonly title: string;
  readonly query: Query;
  readonly form: boolean;
}

export { VIEWS };

const allOf = (type: ClassType): Query => ({ columns: [], from: [type.name] });

/** The text of what was asked for. Throws JFR_UNKNOWN_NAME when it is neither view nor event type. */
export async function formatView(
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  name: string,
  options: ViewOptions = {},
): Promise<string> {
  const answers = await answerViews(chunks, name);
  const between = name.toLowerCase() === 'all-events' ? '\n' : '';
  const texts = answers.map((answer) => {
    if (answer instanceof Error) return answer.message;
    const { title, query, form } = answer;
    if (form) return formatForm(answer, title, options.width || undefined);
    return formatTable(answer, query, { ...options, title });
  });
  return wellFormed(texts.map((text) => text + between).join(''));
}

/** The answers themselves; an Error stands for a view whose events the recording does not know. */
export async function answerViews(
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
  name: string,
): Promise<(ViewAnswer | Error)[]> {
  let runs: Running[] | undefined;
  let unknown: unknown;
  for await (const chunk of chunks) {
    try {
      runs ??= plan(name, chunk.types);
    } catch (error) {
      // a later chunk, of another process, may know it
      unknown = unlessUnknown(error);
      continue;
    }
    for (const running of runs) {
      try {
        running.run.add(chunk);
        running.error = undefined;
      } catch (error) {
        const { reason } = unlessUnknown(error);
        running.error = new Error(`${reason}\nMissing event found for ${running.name}\n`);
      }
    }
  }
  if (runs === undefined && unknown !== undefined) throw unknown;
  return (runs ?? []).map(({ run, title, form, error }) => {
    if (error) return error;
    return { ...run.finish(), title, query: run.query, form };
  });
}

/**
 * The chunks with the events that a view reads; the others stay in the file. {@link formatView} says
 * which names are unknown.
 */
export async function chunksForView(
  recording: Recording,
  name: string,
): Promise<AsyncIterable<Chunk>> {
  const names = new Set<string>();
  for (const { index } of recording.places) {
    const types = await recording.types(index);
    const sources = known(() => plan(name, types)).flatMap(({ run }) => run.query.from);
    if (sources.some((from) => from.startsWith('*'))) return recording.chunks();
    for (const from of sources) {
      for (const type of known(() => sourceTypes(from, types))) names.add(type.name);
    }
  }
  return recording.chunks([...names]);
}

interface Running {
  readonly name: string;
  readonly title: string;
  readonly form: boolean;
  readonly run: QueryRun;
  error?: Error | undefined;
}

/** What is found; nothing where a name is not known. */
function known<T>(find: () => T[]): T[] {
  try {
    return find();
  } catch (error) {
    unlessUnknown(error);
    return [];
  }
}

/** The error that a name is not known; throws any other. */
function unlessUnknown(error: unknown): JfrError {
  if (error instanceof JfrError && error.code === 'JFR_UNKNOWN_NAME') return error;
  throw error;
}

function plan(name: string, types: TypeModel): Running[] {
  const wanted = name.toLowerCase();
  const ofView = (view: ViewDefinition): Running => ({
    name: view.name,
    title: view.label,
    form: view.form,
    run: new QueryRun(view),
  });
  const ofType = (type: ClassType): Running => ({
    name: type.name,
    title: type.label ?? type.name,
    form: false,
    run: new QueryRun(allOf(type)),
  });
  if (wanted === 'all-views') return VIEWS.map(ofView);
  if (wanted === 'all-events') return types.events.map(ofType);
  const view = VIEWS.find((known) => known.name === wanted);
  if (view) return [ofView(view)];
  const type = types.event(name) ?? types.events.find((known) => known.name.endsWith(`.${name}`));
  if (type) return [ofType(type)];
  throw new JfrError(
    'JFR_UNKNOWN_NAME',
    `Could not find a view or an event type named ${name}`,
    {},
    'rekindle jfr view --help lists the views; rekindle jfr view types FILE the event types',
  );
}

/** `jfr view types`: the event types in two columns, with the number of their events. */
export async function formatTypes(chunks: AsyncIterable<Chunk> | Iterable<Chunk>): Promise<string> {
  const counts = new Map<string, number>();
  for await (const chunk of chunks) {
    for (const type of chunk.eventTypes) {
      if (type.experimental) continue;
      const simple = type.name.slice(type.name.lastIndexOf('.') + 1);
      counts.set(simple, (counts.get(simple) ?? 0) + chunk.count(type.name));
    }
  }
  const entries = [...counts].map(([name, count]) => (count > 0 ? `${name} (${count})` : name));
  return `Event Types (number of events):\n\n${inColumns(entries, 2)}\n`;
}

/** Sorted entries in columns, top to bottom. */
export function inColumns(entries: readonly string[], count: number): string {
  const sorted = [...entries].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const height = Math.ceil(sorted.length / count);
  const columns = Array.from({ length: count }, (_, column) =>
    sorted.slice(column * height, (column + 1) * height),
  ).filter((column) => column.length > 0);
  const widths = columns.map((column) => Math.max(...column.map((entry) => entry.length)));
  const lines: string[] = [];
  for (let row = 0; row < height; row++) {
    let line = '';
    for (const [index, column] of columns.entries()) {
      const entry = column[row];
      if (entry === undefined) break;
      line += ` ${entry.padEnd(widths[index]!)}`;
    }
    lines.push(line);
  }
  return lines.join('\n');
}
