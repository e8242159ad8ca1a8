// SPDX-License-Identifier: Apache-2.0
import { RecorderError } from './error.ts';
import { parseSize } from './timespan.ts';

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
  /** Leave the chunks where they are when the process ends, for those who follow them. */
  readonly preserveRepository: boolean;
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
  preserveRepository: false,
  maskSecrets: true,
};

/** Least sizes, in bytes, as in JFR. */
const LEAST = { threadBufferSize: 4096, globalBufferSize: 64 * 1024, maxChunkSize: 1024 * 1024 };

/**
 * Options from the text of `-XX:FlightRecorderOptions`: threadbuffersize, numglobalbuffers,
 * globalbuffersize, memorysize, maxchunksize, stackdepth, repository, preserve-repository. Throws
 * RECORDER_BAD_OPTION.
 */
export function parseRecorderOptions(text: string): Partial<RecorderOptions> {
  const found: { -readonly [K in keyof RecorderOptions]?: RecorderOptions[K] } = {};
  let memory: number | undefined;
  for (const part of text.split(',').filter((item) => item.trim() !== '')) {
    const [key = '', value = ''] = part.split(/=(.*)/s).map((piece) => piece.trim());
    const size = (): number => parseSize(value) ?? refuse(key, value, 'a size such as 8k or 12m');
    const count = (least: number, most: number): number => {
      const number = Number(value);
      const fits = Number.isInteger(number) && number >= least && number <= most;
      return fits ? number : refuse(key, value, `a number from ${least} to ${most}`);
    };
    if (key === 'threadbuffersize') found.threadBufferSize = size();
    else if (key === 'globalbuffersize') found.globalBufferSize = size();
    else if (key === 'maxchunksize') found.maxChunkSize = size();
    else if (key === 'memorysize') memory = size();
    else if (key === 'numglobalbuffers') found.globalBufferCount = count(2, 1024);
    else if (key === 'stackdepth') found.stackDepth = count(1, 2048);
    else if (key === 'repository') found.repository = value;
    else if (key === 'preserve-repository') {
      if (!['', 'true', 'false'].includes(value)) refuse(key, value, 'true or false');
      found.preserveRepository = value !== 'false';
    } else refuse(key, value, 'no value: there is no such option', 'has no meaning with');
  }
  if (memory !== undefined) {
    const size = found.globalBufferSize ?? DEFAULT_OPTIONS.globalBufferSize;
    found.globalBufferCount ??= Math.max(2, Math.floor(memory / size));
  }
  checkSizes({ ...DEFAULT_OPTIONS, ...found });
  return found;
}

/** Throws RECORDER_BAD_OPTION for sizes that cannot work. */
export function checkSizes(options: RecorderOptions): void {
  for (const [name, least] of Object.entries(LEAST)) {
    const value = options[name as keyof typeof LEAST];
    if (!Number.isInteger(value) || value < least || value % 4 !== 0) {
      refuse(name, String(value), `at least ${least} bytes, a multiple of 4`);
    }
  }
  if (options.globalBufferSize < options.threadBufferSize) {
    refuse('globalBufferSize', String(options.globalBufferSize), 'at least a thread buffer');
  }
}

function refuse(name: string, value: string, wanted: string, cannot = 'cannot be'): never {
  throw new RecorderError('RECORDER_BAD_OPTION', `${name} ${cannot} "${value}"`, {
    hint: `it takes ${wanted}`,
  });
}
