// SPDX-License-Identifier: Apache-2.0
// A recording, in the manner of jdk.jfr.Recording. What it is lives in the recorder thread; this object
// asks. The plain methods wait for the answer (a few milliseconds, file writes included) and work
// without the event loop; those ending in `Later` give a promise instead.
import { recorderControl, threadBinding } from './flight-recorder.ts';
import { findConfiguration } from './predefined.ts';
import type { RecordingInfo, RecordingOptions, RecordingState } from './protocol.ts';
import { enableVmEvents, handOverVmEvents, refreshVmEvents, settleVmEvents } from './vm-events.ts';

export class Recording {
  readonly id: number;

  /**
   * A new recording, not yet started; the first one of a process starts the recorder thread.
   * `configuration` names settings (`default`, `profile`, or a .jfc file) on which `settings` come on
   * top, and enables the events of Node.js and V8 themselves.
   */
  constructor(options: RecordingOptions & { readonly configuration?: string } = {}) {
    const { configuration, settings, ...rest } = options;
    const merged = {
      ...(configuration === undefined ? {} : findConfiguration(configuration).settings),
      ...settings,
    };
    const request = { op: 'new', options: { ...rest, settings: merged } } as const;
    this.id = (recorderControl().ask(request) as RecordingInfo).id;
    if (configuration !== undefined) enableVmEvents();
  }

  /** The recording of an id; it must exist. */
  static find(id: number): Recording {
    const recording = Object.create(Recording.prototype) as { id: number };
    recording.id = id;
    return recording as Recording;
  }

  /** A stopped recording with everything that is in the repository. */
  static snapshot(): Recording {
    handOverVmEvents();
    return Recording.find(
      (recorderControl().ask({ op: 'snapshot' }, ownSlot()) as RecordingInfo).id,
    );
  }

  /** Another recording with the same data and settings; stopped where asked for. */
  clone(stop = false): Recording {
    handOverVmEvents();
    const info = recorderControl().ask(
      { op: 'clone', id: this.id, stop },
      ownSlot(),
    ) as RecordingInfo;
    return Recording.find(info.id);
  }

  /** What the recorder knows about it now. */
  get info(): RecordingInfo {
    return recorderControl().ask({ op: 'info', id: this.id }) as RecordingInfo;
  }

  get state(): RecordingState {
    return this.info.state;
  }

  /** Starts recording (or, with a delay, the waiting). */
  start(): this {
    recorderControl().ask({ op: 'start', id: this.id });
    refreshVmEvents();
    return this;
  }

  /** Stops recording; the data go to the destination, if there is one, before this returns. */
  stop(destination?: string): void {
    // what the profilers have gathered belongs to this recording
    settleVmEvents();
    recorderControl().ask({ op: 'stop', id: this.id, destination }, ownSlot());
  }

  /** As {@link stop}, and waits up to a second for what the profilers of other threads have gathered. */
  async stopLater(destination?: string): Promise<void> {
    settleVmEvents();
    await recorderControl().askLater({ op: 'stop', id: this.id, destination }, ownSlot());
  }

  /** Changes options; of a running recording too (a new chunk begins then). */
  set(options: RecordingOptions): void {
    recorderControl().ask({ op: 'configure', id: this.id, options });
  }

  /** Writes what was recorded so far to a file and goes on. Times in milliseconds since 1970. */
  dump(path: string, range: { begin?: number; end?: number } = {}): void {
    handOverVmEvents();
    recorderControl().ask({ op: 'dump', id: this.id, path, ...range }, ownSlot());
  }

  /** As {@link dump}, and waits up to a second for what the profilers of other threads have gathered. */
  async dumpLater(path: string, range: { begin?: number; end?: number } = {}): Promise<void> {
    handOverVmEvents();
    await recorderControl().askLater({ op: 'dump', id: this.id, path, ...range }, ownSlot());
  }

  /** Gives up the recording and its data in the repository. */
  close(): void {
    recorderControl().ask({ op: 'close', id: this.id });
  }
}

function ownSlot(): number {
  return threadBinding()?.writer.slot ?? -1;
}

/** Directory of the chunk files, for `EventStream.openRepository`. */
export function repositoryDirectory(): string {
  return recorderControl().directory;
}

/** What recordings there are in this process. */
export function recordings(): readonly RecordingInfo[] {
  return recorderControl().ask({ op: 'list' }) as RecordingInfo[];
}

/** Publishes to followers what all threads have committed, without waiting for the flush interval. */
export function flush(): void {
  recorderControl().ask({ op: 'flush' });
}
