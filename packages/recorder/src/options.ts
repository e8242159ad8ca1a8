// SPDX-License-Identifier: Apache-2.0

/** Sizes and places of the recorder of a process; names and defaults as in `-XX:FlightRecorderOptions`. */
export interface RecorderOptions {
  /** Most JavaScript threads recorded at one time. */
  readonly slots: number;
  /** Bytes of a thread buffer. */
  readonly threadBufferSize: number;
  readonly globalBufferCount: number;
  /** Bytes of a global buffer. */
  readonly globalBufferSize: number;
  /** Bytes after which a chunk is ended. */
  readonly maxChunkSize: number;
  /** Frames kept of a stack trace. */
  readonly stackDepth: number;
  /** Directory of the repository; default: the system's temporary directory. */
  readonly repository: string | undefined;
  /** Keep values that look like secrets (environment, command line) out of recordings. */
  readonly maskSecrets: boolean;
}

export const DEFAULT_OPTIONS: RecorderOptions = {
  slots: 512,
  threadBufferSize: 8 * 1024,
  globalBufferCount: 20,
  globalBufferSize: 512 * 1024,
  maxChunkSize: 12 * 1024 * 1024,
  stackDepth: 64,
  repository: undefined,
  maskSecrets: true,
};
