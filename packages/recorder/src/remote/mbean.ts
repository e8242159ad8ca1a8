// SPDX-License-Identifier: Apache-2.0
// jdk.management.jfr:type=FlightRecorder, and as much of java.lang:type=Runtime as JMC asks for. What a
// remote caller names is not trusted: files only inside one directory, sizes and numbers limited.
import { resolve, sep } from 'node:path';
import { Configuration } from '../configuration.ts';
import { RecorderError } from '../error.ts';
import { predefinedConfigurations } from '../predefined.ts';
import type {
  ChunkInfo,
  EventTypeInfo,
  RecordingInfo,
  RecordingOptions,
  Request,
} from '../protocol.ts';
import { parseSize, parseTimespan } from '../timespan.ts';
import { type ByteStream, fileStream, LiveStream } from './byte-streams.ts';
import {
  asTable,
  eventTypeInfo,
  id,
  moment,
  optionsOf,
  predefined,
  recordingInfo,
  type Table,
  textValues,
} from './mbean-values.ts';

export const FLIGHT_RECORDER = 'jdk.management.jfr:type=FlightRecorder';
export const RUNTIME = 'java.lang:type=Runtime';

const MAX_RECORDINGS = 64;
const MAX_STREAMS = 32;
const DEFAULT_BLOCK = 50_000;
const MAX_BLOCK = 4_000_000;
/** Smallest block: a chunk header must fit. */
const HEADER_ROOM = 68;

export interface MBeanOptions {
  readonly ask: (request: Request) => Promise<unknown>;
  /** Directory of the repository. */
  readonly repository: string;
  /** Files of `copyTo` and `destination` go here and nowhere else. */
  readonly files: string;
  readonly startTime: number;
}

export class FlightRecorderMBean {
  readonly #options: MBeanOptions;
  readonly #streams = new Map<number, { stream: ByteStream; recording: number }>();
  #nextStream = 1;

  constructor(options: MBeanOptions) {
    this.#options = options;
  }

  /** Value of an attribute; undefined: there is none of that name. */
  async read(attribute: string): Promise<unknown> {
    switch (attribute) {
      case 'Recordings':
        return (await this.#recordings()).map(recordingInfo);
      case 'Configurations':
        return predefinedConfigurations().map(({ name, configuration }) => ({
          name,
          label: configuration.label,
          description: configuration.description,
          provider: configuration.provider,
          contents: configuration.toXml(),
          settings: configuration.settings,
        }));
      case 'EventTypes':
        return ((await this.#options.ask({ op: 'types' })) as EventTypeInfo[]).map(eventTypeInfo);
      case 'ObjectName':
        return { objectName: FLIGHT_RECORDER };
      default:
        return undefined;
    }
  }

  /** Calls an operation by its plain name; undefined answers are `void`. */
  async call(operation: string, args: readonly unknown[]): Promise<unknown> {
    const { ask } = this.#options;
    switch (operation) {
      case 'newRecording':
        return this.#newRecording({});
      case 'takeSnapshot':
        return ((await ask({ op: 'snapshot' })) as RecordingInfo).id;
      case 'cloneRecording': {
        const stop = args[1] === true || args[1] === 'true';
        return ((await ask({ op: 'clone', id: id(args[0]), stop })) as RecordingInfo).id;
      }
      case 'startRecording':
        await ask({ op: 'start', id: id(args[0]) });
        return null;
      case 'stopRecording':
        await ask({ op: 'stop', id: id(args[0]), destination: undefined });
        return true;
      case 'closeRecording':
        this.#closeStreamsOf(id(args[0]));
        await ask({ op: 'close', id: id(args[0]) });
        return null;
      case 'openStream':
        return this.#openStream(id(args[0]), asTable(args[1]));
      case 'readStream':
        return this.#readStream(id(args[0]));
      case 'closeStream':
        this.#closeStream(id(args[0]));
        return null;
      case 'getRecordingOptions':
        return optionsOf(await this.#info(id(args[0])));
      case 'setRecordingOptions':
        await ask({
          op: 'configure',
          id: id(args[0]),
          options: this.#optionsFrom(asTable(args[1])),
        });
        return null;
      case 'getRecordingSettings':
        return (await this.#info(id(args[0]))).settings;
      case 'setRecordingSettings':
        await this.#setSettings(id(args[0]), textValues(asTable(args[1])));
        return null;
      case 'setConfiguration':
        await this.#setSettings(id(args[0]), new Configuration(String(args[1])).settings);
        return null;
      case 'setPredefinedConfiguration':
        await this.#setSettings(id(args[0]), predefined(String(args[1])).settings);
        return null;
      case 'copyTo': {
        const path = this.#inside(String(args[1]));
        await ask({ op: 'dump', id: id(args[0]), path });
        return null;
      }
      default:
        throw new RecorderError('RECORDER_BAD_OPTION', `no operation ${operation}`);
    }
  }

  /** Forgets all streams. */
  close(): void {
    for (const stream of [...this.#streams.keys()]) this.#closeStream(stream);
  }

  async #newRecording(options: RecordingOptions): Promise<number> {
    if ((await this.#recordings()).length >= MAX_RECORDINGS) {
      throw new RecorderError('RECORDER_FORBIDDEN', `${MAX_RECORDINGS} recordings are enough`, {
        hint: 'close one that is not needed',
      });
    }
    return ((await this.#options.ask({ op: 'new', options })) as RecordingInfo).id;
  }

  async #recordings(): Promise<RecordingInfo[]> {
    return (await this.#options.ask({ op: 'list' })) as RecordingInfo[];
  }

  async #info(recording: number): Promise<RecordingInfo> {
    return (await this.#options.ask({ op: 'info', id: recording })) as RecordingInfo;
  }

  async #setSettings(recording: number, settings: Record<string, string>): Promise<void> {
    await this.#options.ask({ op: 'configure', id: recording, options: { settings } });
  }

  async #openStream(recording: number, options: Table): Promise<number> {
    if (this.#streams.size >= MAX_STREAMS) {
      throw new RecorderError('RECORDER_FORBIDDEN', `${MAX_STREAMS} open streams are enough`, {
        hint: 'close one that is not needed',
      });
    }
    const info = await this.#info(recording);
    const blockSize = Math.min(MAX_BLOCK, Number(options.blockSize ?? DEFAULT_BLOCK));
    if (!Number.isInteger(blockSize) || blockSize < HEADER_ROOM) {
      throw new RecorderError('RECORDER_BAD_OPTION', `block size "${options.blockSize}"`);
    }
    const from = moment(options.startTime) ?? 0n;
    const to = moment(options.endTime);
    let stream: ByteStream;
    if (info.state === 'running' && options.streamVersion === '1.0') {
      stream = this.#live(recording, info, from, blockSize);
    } else if (info.state === 'stopped') {
      const chunks = (await this.#options.ask({ op: 'chunks', id: recording })) as ChunkInfo[];
      const wanted = chunks.filter(
        ({ startNanos, endNanos }) => endNanos >= from && (to === undefined || startNanos <= to),
      );
      stream = fileStream(
        wanted.map(({ path }) => path),
        blockSize,
      );
    } else {
      throw new RecorderError(
        'RECORDER_WRONG_STATE',
        'Recording must be stopped before it can be read.',
      );
    }
    const number = this.#nextStream++;
    this.#streams.set(number, { stream, recording });
    return number;
  }

  #live(recording: number, info: RecordingInfo, from: bigint, blockSize: number): ByteStream {
    // the start is known to the millisecond: the chunk before must not count as going on
    const begun = BigInt((info.startTime ?? 0) + 1) * 1_000_000n;
    let running = true;
    const look = async (): Promise<void> => {
      try {
        running = (await this.#info(recording)).state === 'running';
      } catch {
        // closed meanwhile
        running = false;
      }
    };
    return new LiveStream(this.#options.repository, from > begun ? from : begun, blockSize, () => {
      void look();
      return running;
    });
  }

  #readStream(stream: number): number[] | null {
    const known = this.#streams.get(stream);
    if (known === undefined) throw new RecorderError('RECORDER_WRONG_STATE', `no stream ${stream}`);
    const block = known.stream.read();
    // byte[] travels as signed integers
    return block === null ? null : Array.from(new Int8Array(block.slice().buffer));
  }

  #closeStream(stream: number): void {
    this.#streams.get(stream)?.stream.close();
    this.#streams.delete(stream);
  }

  #closeStreamsOf(recording: number): void {
    for (const [stream, known] of [...this.#streams]) {
      if (known.recording === recording) this.#closeStream(stream);
    }
  }

  #optionsFrom(table: Table): RecordingOptions {
    const text = textValues(table);
    const millis = (name: string): number | undefined => {
      const value = text[name];
      if (value === undefined || value === '' || value === 'null') return undefined;
      const nanos = parseTimespan(value);
      if (nanos === undefined) {
        throw new RecorderError('RECORDER_BAD_OPTION', `${name} cannot be "${value}"`);
      }
      return Number.isFinite(nanos) ? nanos / 1e6 : undefined;
    };
    return {
      ...(text.name === undefined ? {} : { name: text.name }),
      ...('duration' in text ? { duration: millis('duration') } : {}),
      ...('maxAge' in text ? { maxAge: millis('maxAge') } : {}),
      ...('maxSize' in text ? { maxSize: parseSize(text.maxSize!) || undefined } : {}),
      ...('dumpOnExit' in text ? { dumpOnExit: text.dumpOnExit === 'true' } : {}),
      ...('disk' in text ? { disk: text.disk !== 'false' } : {}),
      ...(text.destination ? { destination: this.#inside(text.destination) } : {}),
    };
  }

  /** A file name of the caller's, inside the directory that is open to him. */
  #inside(name: string): string {
    const path = resolve(this.#options.files, name);
    if (!path.startsWith(resolve(this.#options.files) + sep) || name.includes('\0')) {
      throw new RecorderError(
        'RECORDER_FORBIDDEN',
        `"${name}" lies outside the permitted directory`,
        {
          hint: 'give a plain file name',
        },
      );
    }
    return path;
  }
}
