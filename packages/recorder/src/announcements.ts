// SPDX-License-Identifier: Apache-2.0
// What every chunk says about the recordings it belongs to: which they are, and what was recorded how.
import {
  ActiveRecording,
  ActiveSetting,
  DataLoss,
  DumpReason,
  type EventDeclaration,
  Flush as FlushAlways,
} from '@rekindle/jfr/writing';
import { MAX_TYPES } from './arena.ts';
import { now, type Ticks } from './clock.ts';
import type { RecordingEntry } from './recording-book.ts';
import { effectiveSetting, type MergedSettings } from './settings.ts';
import type { SharedTypes } from './types.ts';
import type { CommitArguments } from './values.ts';

/** How the JDK writes "no limit" in ActiveRecording. */
const NONE = -(2n ** 63n);

/** Off unless asked for, as in the JDK: it would keep a process without other events writing. */
const Flush = { ...FlushAlways, settings: { enabled: 'false' } } as const;

type Emit = <const D extends EventDeclaration>(declaration: D, ...args: CommitArguments<D>) => void;

export class Announcements {
  readonly #types: SharedTypes;
  readonly #emit: Emit;
  /** How many of the types have been announced in this chunk. */
  #announced = 0;
  #flushes = 0;

  constructor(types: SharedTypes, emit: Emit) {
    this.#types = types;
    this.#emit = emit;
    for (const declaration of [ActiveRecording, ActiveSetting, DataLoss, DumpReason, Flush]) {
      types.register(declaration);
    }
  }

  /** For the beginning of a chunk. */
  all(
    recordings: readonly RecordingEntry[],
    settings: MergedSettings,
    flushInterval: number,
  ): void {
    for (const recording of recordings) this.#recording(recording, flushInterval);
    this.#announced = 0;
    this.newTypes(settings);
  }

  /**
   * One ActiveSetting for each setting of each event type that was registered since: JMC's rules ask for
   * them in every chunk.
   */
  newTypes(settings: MergedSettings): void {
    this.#types.refresh();
    const time = now();
    const types = [...this.#types.registry.events];
    for (const type of types.slice(this.#announced, MAX_TYPES)) {
      for (const { name } of type.settings) {
        const value = effectiveSetting(settings, type, name);
        if (value !== undefined) this.#emit(ActiveSetting, time, type.id, name, value);
      }
    }
    this.#announced = types.length;
  }

  /** A flush and what it wrote, where somebody wants to know. */
  flush(settings: MergedSettings, startTicks: Ticks, buffers: number, bytes: number): void {
    const type = this.#types.registry.event(Flush.name);
    if (type === undefined || effectiveSetting(settings, type, 'enabled') !== 'true') return;
    this.#emit(Flush, startTicks, now() - startTicks, ++this.#flushes, buffers, bytes);
  }

  /**
   * Who had a recording written and why. HotSpot says so in emergencies only, just before the last chunk ends:
   * "Crash" or "Out of Memory", recording -1 (jfrEmergencyDump.cpp, up to JDK 25). So do we where an error ends
   * the process; and since a reader of a dump that is months old wants to know of the others too, those name
   * their recording, as the field's description has it.
   */
  dumpReason(settings: MergedSettings, recording: number, why: string): void {
    const type = this.#types.registry.event(DumpReason.name);
    if (type === undefined || effectiveSetting(settings, type, 'enabled') !== 'true') return;
    this.#emit(DumpReason, now(), why, recording);
  }

  #recording(recording: RecordingEntry, flushInterval: number): void {
    const { options, startTime } = recording;
    this.#emit(
      ActiveRecording,
      now(),
      recording.id,
      options.name ?? String(recording.id),
      options.destination ?? null,
      options.disk !== false,
      options.maxAge ?? NONE,
      flushInterval,
      options.maxSize ?? NONE,
      startTime ?? 0,
      options.duration ?? NONE,
    );
  }
}
