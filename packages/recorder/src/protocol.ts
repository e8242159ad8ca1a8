// SPDX-License-Identifier: Apache-2.0
// What the recorder thread is asked and what it answers. Requests go through a message port, are
// announced by the wake word of the arena and answered in order, so the asking thread may either wait
// (Atomics) or be told.
import type { MessagePort } from 'node:worker_threads';
import type { Settings } from './settings.ts';

export type RecordingState = 'new' | 'delayed' | 'running' | 'stopped' | 'closed';

/** Options of a recording, in plain numbers. */
export interface RecordingOptions {
  /** Shown in lists; default: the id. */
  readonly name?: string | undefined;
  /** Event settings, `event#setting` to value. */
  readonly settings?: Settings | undefined;
  /** File that gets the recording when it stops. */
  readonly destination?: string | undefined;
  /** Write to disk while recording (default), or keep the newest data in memory. */
  readonly disk?: boolean | undefined;
  /** Milliseconds; older chunks are dropped. */
  readonly maxAge?: number | undefined;
  /** Bytes; the oldest chunks beyond are dropped. */
  readonly maxSize?: number | undefined;
  /** Write the recording to a file when the process exits. */
  readonly dumpOnExit?: boolean | undefined;
  /** Milliseconds after the start at which the recording stops by itself. */
  readonly duration?: number | undefined;
  /** Milliseconds to wait after `start()`. */
  readonly delay?: number | undefined;
  /** Milliseconds between flushes; the smallest of all running recordings counts. Default 1000. */
  readonly flushInterval?: number | undefined;
}

export interface RecordingInfo {
  readonly id: number;
  readonly name: string;
  readonly state: RecordingState;
  readonly settings: Settings;
  readonly destination: string | undefined;
  readonly disk: boolean;
  readonly maxAge: number | undefined;
  readonly maxSize: number | undefined;
  readonly dumpOnExit: boolean;
  readonly duration: number | undefined;
  readonly flushInterval: number;
  /** Milliseconds since 1970; undefined before the start. */
  readonly startTime: number | undefined;
  readonly stopTime: number | undefined;
  /** Bytes in the repository. */
  readonly size: number;
}

export type Request =
  | { readonly op: 'new'; readonly options: RecordingOptions }
  | { readonly op: 'configure'; readonly id: number; readonly options: RecordingOptions }
  | { readonly op: 'start' | 'close' | 'info'; readonly id: number }
  | { readonly op: 'stop'; readonly id: number; readonly destination: string | undefined }
  | {
      readonly op: 'dump';
      readonly id: number;
      readonly path: string;
      /** Milliseconds since 1970: only chunks that overlap. */
      readonly begin?: number | undefined;
      readonly end?: number | undefined;
    }
  | { readonly op: 'chunks'; readonly id: number }
  | { readonly op: 'clone'; readonly id: number; readonly stop: boolean }
  | { readonly op: 'snapshot' | 'list' | 'flush' | 'repository' | 'types' }
  /** `crashed`: by an error that nobody caught. */
  | { readonly op: 'exit'; readonly crashed: boolean };

/** A finished chunk of a recording, answer to `chunks`. */
export interface ChunkInfo {
  readonly path: string;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly bytes: number;
}

/** An event type of the process, answer to `types`. */
export interface EventTypeInfo {
  readonly id: number;
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly category: readonly string[];
  readonly settings: readonly {
    readonly name: string;
    readonly type: string;
    readonly defaultValue: string;
  }[];
}

/** Sent over the first port: another one to take requests from. */
export interface Introduction {
  readonly connect: MessagePort;
}

export interface Envelope {
  readonly serial: number;
  readonly request: Request;
  /** Slot of a thread whose sources have handed over what they have, or -1. */
  readonly handedOver: number;
  /**
   * Whether the asking thread does not stand still until it has the answer, so that there is time for the
   * other threads to hand over.
   */
  readonly patient: boolean;
}

export interface Answer {
  readonly serial: number;
  readonly value?: unknown;
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint: string | undefined }
    | undefined;
}

/** What the recorder thread says without being asked. */
export type Notice =
  | { readonly notice: 'state'; readonly id: number; readonly state: RecordingState }
  | { readonly notice: 'trouble'; readonly message: string };
