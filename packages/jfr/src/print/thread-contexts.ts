// SPDX-License-Identifier: Apache-2.0
// Which contextual events (JDK 25, `@Contextual` fields) are open on which thread: every event of that
// thread is printed with their fields.
import type { Chunk } from '../chunk.ts';
import { payload } from '../sink.ts';
import type { ClassType, Field } from '../type-model.ts';
import type { LocatedEvent } from './locate-events.ts';

export class ThreadContexts {
  /** Lines of the open contextual events by thread key, in the order in which they opened. */
  readonly #open: Map<string, Map<string, string>> = new Map();
  readonly #contextual: Map<ClassType, boolean> = new Map();
  #any = false;

  isContextual(type: ClassType, test: (field: Field) => boolean): boolean {
    let known = this.#contextual.get(type);
    if (known === undefined) {
      known = type.fields.some(test);
      this.#contextual.set(type, known);
      this.#any ||= known;
    }
    return known;
  }

  mark(chunk: Chunk, event: LocatedEvent, role: 'enter' | 'leave', lines: () => string): void {
    const thread = threadKey(chunk, event);
    if (thread === undefined) return;
    const id = `${chunk.index} ${event.offset}`;
    let open = this.#open.get(thread);
    if (role === 'leave') {
      open?.delete(id);
      return;
    }
    if (!open) {
      open = new Map();
      this.#open.set(thread, open);
    }
    open.set(id, lines());
  }

  /** The lines to print inside an event; none in an event that is contextual itself. */
  around(chunk: Chunk, event: LocatedEvent): string {
    if (!this.#any || this.#contextual.get(event.type)) return '';
    const thread = threadKey(chunk, event);
    const open = thread === undefined ? undefined : this.#open.get(thread);
    return open ? [...open.values()].join('') : '';
  }
}

/** The key of the event's thread in the pool, which HotSpot keeps over the chunks of a recording. */
function threadKey(chunk: Chunk, { type, offset }: LocatedEvent): string | undefined {
  const index = type.fields.findIndex(({ name }) => name === 'eventThread');
  if (index < 0) return undefined;
  const cursor = payload(chunk.bytes, offset);
  const { ops } = chunk.metadata.layouts.of(type);
  for (let before = 0; before < index; before++) {
    // In front of the thread stand startTime and duration, in every file there is.
    if (ops[before]?.kind !== 'long') return undefined;
    cursor.long();
  }
  const key = String(cursor.long());
  return key === '0' ? undefined : key;
}
