// SPDX-License-Identifier: Apache-2.0
// Everything that can be read of a recording, and everything that reads one: what the fuzzer demands of
// damaged files.
import { type ByteSource, bufferSource } from '../../../packages/bytes/src/index.ts';
import {
  chromeTrace,
  collectStacks,
  eventTable,
  formatMetadata,
  formatSummary,
  formatTypes,
  formatView,
  isStruct,
  JfrError,
  memorySink,
  openRecording,
  printEvents,
  type Recording,
  repair,
  toObject,
} from '../../../packages/jfr/src/index.ts';
import { summarizeWhole } from '../../../packages/jfr/src/summarize.ts';

/** What was read, and what was refused, over all runs. */
export interface Tally {
  events: number;
  cells: number;
  losses: number;
  refused: number;
}

/** Bytes that are read into memory of the caller's, as a file is. */
function fileLike(bytes: Uint8Array): ByteSource {
  const { slice } = bufferSource(bytes);
  return {
    byteLength: bytes.length,
    slice,
    read: (start, target) => target.set(bytes.subarray(start, start + target.length)),
  };
}

/** Reads every constant, event and column there is. */
export async function readEverything(
  bytes: Uint8Array,
  mode: 'strict' | 'salvage',
  decode: 'compiled' | 'interpreted',
  asFile: boolean,
  tally: Tally,
): Promise<void> {
  const source = asFile ? fileLike(bytes) : bytes;
  const recording = await openRecording(source, { mode, decode });
  const { events } = await recording.summary();
  tally.events += events.length;
  for await (const chunk of recording.chunks()) {
    for (const pool of chunk.pools()) {
      for (let index = 0; index < pool.length; index++) toObject(pool.get(index), 4);
    }
    for (const type of chunk.eventTypes) {
      const columns = chunk.columns(type.name);
      for (const column of columns.all) {
        for (let row = 0; row < column.length; row++) {
          const value = column.get(row);
          if (isStruct(value)) toObject(value, 3);
          tally.cells++;
        }
      }
      const thread = (): boolean => true;
      chunk.columns(type.name, [], { from: 0n, to: 2n ** 62n, thread });
    }
    for (const event of chunk.events()) {
      toObject(event.fields, 3);
      void [event.startNanos, event.endNanos, event.thread, event.stackTrace];
      tally.events++;
    }
  }
  for (const name of ['test.Every', 'fuzz.Event', 'odd.Scalars']) {
    const columns = await recording.columns(name);
    for (const column of columns.all) for (let row = 0; row < column.length; row++) column.get(row);
    for await (const event of recording.events({ types: [name] })) toObject(event.fields, 3);
  }
  tally.losses += recording.losses.length;
}

/** What the tool does with a recording, each of which has to do with a damaged one. */
const USES: readonly ((recording: Recording, source: ByteSource) => Promise<unknown>)[] = [
  (recording) => print(recording, 'text'),
  (recording) => print(recording, 'json'),
  (recording) => print(recording, 'xml'),
  async (recording) => {
    const models = recording.places.map(({ index }) => recording.types(index));
    formatMetadata(await Promise.all(models));
    return await formatTypes(recording.chunks());
  },
  async (recording, source) => {
    const whole = await summarizeWhole(source);
    const text = formatSummary(await recording.summary());
    // the two ways to count agree
    if (whole !== undefined && formatSummary(whole) !== text) throw new Error('two summaries');
  },
  async (recording) => {
    for await (const part of recording.parts(512))
      for (const event of part.events()) void event.name;
  },
  async (recording) => {
    for (const { name } of (await recording.summary()).events) await eventTable(recording, name);
  },
  async (recording) => {
    for (const { name, count } of (await recording.summary()).events) {
      if (count > 0) await stacks(recording, name);
    }
    for await (const part of chromeTrace(recording)) void part;
  },
  async (recording) => await formatView(recording.chunks(), 'all-events', {}),
  async (recording, source) => {
    const names = (await recording.summary()).events.map(({ name }) => name);
    // what one reading learns of the types, another has to learn
    const open = async (): Promise<Recording> => await openRecording(source, { mode: 'salvage' });
    const own = await textOf(await open(), names, false);
    if (own !== (await textOf(await open(), names, true))) throw new Error('reuse changed it');
  },
  async (_, source) => {
    const sink = memorySink();
    const { chunks } = await repair(source, sink);
    // what was mended is whole
    if (chunks > 0)
      for await (const chunk of (await openRecording(sink.bytes())).chunks()) chunk.pools();
  },
];

/** The events of some types, chunk by chunk in memory of its own or taken over. */
async function textOf(
  recording: Recording,
  names: readonly string[],
  reuse: boolean,
): Promise<string> {
  const texts: string[] = [];
  for await (const chunk of recording.chunks(names, { reuse })) {
    for (const event of chunk.events())
      texts.push(JSON.stringify(toObject(event.fields, 3), exact));
  }
  return texts.join();
}

const exact = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value;

/** The stacks of a type; most have none. */
async function stacks(recording: Recording, event: string): Promise<void> {
  try {
    await collectStacks(recording, { event });
  } catch (error) {
    if (!(error instanceof JfrError && error.code === 'JFR_UNKNOWN_NAME')) throw error;
  }
}

async function print(recording: Recording, format: 'text' | 'json' | 'xml'): Promise<void> {
  const onDamage = (): void => {};
  await printEvents(recording.chunks(), { format, onDamage, stackDepth: 8 }, () => {});
}

/** Uses a recording as the tool does, salvaging: in the way of this number. */
export async function useAsTool(bytes: Uint8Array, which: number): Promise<void> {
  const source = fileLike(bytes);
  const use = USES[which % USES.length]!;
  await use(await openRecording(source, { mode: 'salvage' }), source);
}
