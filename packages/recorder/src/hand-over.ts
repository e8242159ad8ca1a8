// SPDX-License-Identifier: Apache-2.0
// Some sources gather for a while in their thread before they commit: profiles, garbage collections. Before
// a recording is stopped or dumped the threads are asked for what they have (bell.ts, vm-events.ts); one that
// sits in synchronous code cannot answer, and is not waited for longer than PATIENCE.
import { type Arena, SLOT, SLOT_LIVE, WORD } from './arena.ts';
import { now, type Ticks } from './clock.ts';
import type { Drain } from './drain.ts';
import type { Notice } from './protocol.ts';

/** Ticks to wait for a thread. */
const PATIENCE = 1e9;

interface Question {
  /** Of the recording that it is asked for; 0: of none. */
  readonly id: number;
  /** Sources may end: no recording will want them. */
  readonly ends: boolean;
  /** Slot of a thread that need not be asked, or -1. */
  readonly done: number;
  /** What waits for the answers. */
  readonly goOn: () => void;
}

interface Asked {
  readonly id: number;
  /** The value of WORD.handOver that threads are to answer. */
  readonly word: number;
  readonly slots: readonly number[];
  readonly deadline: Ticks;
  readonly goOn: () => void;
}

/** The recorder thread's side of it. */
export class HandOver {
  readonly #arena: Arena;
  readonly #drain: Drain;
  readonly #tell: (notice: Notice) => void;
  #asked: Asked[] = [];

  constructor(arena: Arena, drain: Drain, tell: (notice: Notice) => void) {
    this.#arena = arena;
    this.#drain = drain;
    this.#tell = tell;
  }

  /** When the patience with some thread ends. */
  get deadline(): Ticks {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#asked.map(({ deadline }) => deadline));
  }

  /** Asks the threads for what they have; goes on at once where there is nobody to ask. */
  ask({ id, ends, done, goOn }: Question): void {
    const { words } = this.#arena;
    this.#drain.findDead();
    const slots = this.#gathering(done);
    const before = this.#asked.some((asked) => id === 0 || asked.id === id);
    if (slots.length === 0 && !before) {
      goOn();
      return;
    }
    const word = (((words[WORD.handOver]! >> 1) + 1) << 1) | (ends ? 1 : 0);
    Atomics.store(words, WORD.handOver, word);
    this.#asked.push({ id, word, slots, deadline: now() + PATIENCE, goOn });
  }

  /** Goes on with what all threads have answered, or were given the time to. */
  work(): void {
    for (let first = this.#asked[0]; first !== undefined; first = this.#asked[0]) {
      if (this.#missing(first).length > 0 && now() < first.deadline) return;
      this.#end(first);
    }
  }

  /** Waits no longer for what one recording is to have; without an id, for anything. */
  finish(id?: number): void {
    for (const asked of [...this.#asked]) {
      if (id === undefined || (id !== 0 && asked.id === id)) this.#end(asked);
    }
  }

  /** Goes on without asking, but for the thread in the slot `done`: says what will be missing. */
  goWithout(done: number, ends: boolean): void {
    this.#drain.findDead();
    this.#tellMissing(this.#gathering(done), 'not waited for', ends);
  }

  #end(asked: Asked): void {
    this.#asked = this.#asked.filter((other) => other !== asked);
    this.#tellMissing(this.#missing(asked), 'busy', (asked.word & 1) === 1);
    asked.goOn();
  }

  #tellMissing(slots: readonly number[], why: string, ends: boolean): void {
    if (slots.length === 0) return;
    // how much it is only those threads know: a byte stands for it. Where recordings go on, it comes later.
    for (const slot of ends ? slots : []) {
      Atomics.add(this.#arena.words, this.#arena.slot(slot) + SLOT.lost, 1);
    }
    const names = slots.map((slot) => `"${this.#drain.identity(slot).name}"`).join(', ');
    const [who, whose] =
      slots.length === 1
        ? [`the thread ${names} was`, 'its']
        : [`the threads ${names} were`, 'their'];
    const message = `${who} ${why}: ${whose} last samples and garbage collections are missing`;
    this.#tell({ notice: 'trouble', message });
  }

  #gathering(done: number): number[] {
    const slots = Array.from({ length: this.#arena.shape.slots }, (_, slot) => slot);
    return slots.filter((slot) => slot !== done && this.#gathers(slot));
  }

  #missing({ slots, word }: Asked): number[] {
    return slots.filter(
      (slot) =>
        this.#gathers(slot) &&
        Atomics.load(this.#arena.words, this.#arena.slot(slot) + SLOT.handedOver) < (word & ~1),
    );
  }

  #gathers(slot: number): boolean {
    const { words } = this.#arena;
    const base = this.#arena.slot(slot);
    const live = Atomics.load(words, base + SLOT.state) === SLOT_LIVE;
    return live && Atomics.load(words, base + SLOT.gathers) === 1;
  }
}
