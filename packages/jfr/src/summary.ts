// SPDX-License-Identifier: Apache-2.0
import type { Chunk } from './chunk.ts';
import type { TypeCount } from './count-events.ts';
import type { Recording } from './recording.ts';

export interface EventCount {
  readonly name: string;
  readonly count: number;
  /** Sum of the sizes of the events. */
  readonly bytes: number;
}

/** What is in a recording, by event type. */
export class Summary {
  readonly #recording: Pick<Recording, 'places' | 'startNanos'>;
  readonly #counts: Map<string, { count: number; bytes: number }> = new Map();
  #names: ReadonlyMap<number, string> | undefined;

  constructor(recording: Pick<Recording, 'places' | 'startNanos'>) {
    this.#recording = recording;
  }

  get chunks(): number {
    return this.#recording.places.length;
  }

  /** For example `2.1`, of the first chunk. */
  get version(): string {
    const header = this.#recording.places[0]?.header;
    return header === undefined ? '' : `${header.major}.${header.minor}`;
  }

  /** Nanoseconds since 1970. */
  get startNanos(): bigint {
    return this.#recording.startNanos;
  }

  /** Sum of the durations of the chunks, as `jfr summary` counts it. */
  get durationNanos(): bigint {
    return this.#recording.places.reduce((sum, { header }) => sum + header.durationNanos, 0n);
  }

  /** Adds what is in a chunk; `names` are those of its event types by id. */
  add(names: ReadonlyMap<number, string>, counts: readonly TypeCount[]): void {
    // mostly those of the chunk before
    if (names !== this.#names) for (const name of names.values()) this.#add(name, 0, 0);
    this.#names = names;
    const reserved = this.version.startsWith('1.') ? RESERVED_1 : RESERVED;
    for (const name of reserved) this.#add(name, 0, 0);
    for (const { typeId, count, bytes } of counts) {
      this.#add(reserved[typeId] ?? names.get(typeId) ?? `${typeId}${UNDECLARED}`, count, bytes);
    }
  }

  /** Adds what is left of a damaged chunk. */
  addChunk(chunk: Chunk): void {
    const counts: TypeCount[] = [];
    for (const [typeId, { count, bytes }] of chunk.eventIndex.entries()) {
      counts.push({ typeId, count, bytes });
    }
    this.add(new Map(chunk.eventTypes.map(({ id, name }) => [id, name])), counts);
  }

  #add(name: string, count: number, bytes: number): void {
    const known = this.#counts.get(name);
    if (known === undefined) {
      this.#counts.set(name, { count, bytes });
    } else {
      known.count += count;
      known.bytes += bytes;
    }
  }

  /**
   * Every declared event type, metadata and checkpoints, and types that are not declared; the most
   * frequent first.
   */
  get events(): EventCount[] {
    return [...this.#counts]
      .map(([name, { count, bytes }]) => ({ name, count, bytes }))
      .sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  }

  count(name: string): number {
    return this.#counts.get(name)?.count ?? 0;
  }
}

/** In the words of the JDK, behind the id of a type that no chunk declares. */
export const UNDECLARED = ' (missing event metadata)';

/** Type ids that mean the same in every chunk. */
const RESERVED: readonly string[] = ['jdk.Metadata', 'jdk.Checkpoint'];
/** Of recordings of JDK 9 and 10, whose events all have this prefix. */
const RESERVED_1: readonly string[] = RESERVED.map((name) => `com.oracle.${name}`);
