// SPDX-License-Identifier: Apache-2.0
export { asyncContextField } from './async-context.ts';
export { type ClockPair, clockPair, now, TICKS_PER_SECOND, type Ticks } from './clock.ts';
export { Configuration } from './configuration.ts';
export type { ConfigurationControl, ConfigurationOption } from './configuration-model.ts';
export { RecorderError, type RecorderErrorCode } from './error.ts';
export { EventStream, type EventStreamOptions } from './event-stream.ts';
export { configureRecorder, eventHandle, setThreadName } from './flight-recorder.ts';
export type { EventHandle, PendingEvent } from './handle.ts';
export { JfcDocument, type JfcInput } from './jfc/document.ts';
export { selectedOption } from './jfc/evaluate.ts';
export { isMethodFilter, spacedTimespan, timespanProblem } from './jfc/values.ts';
export { Monitor } from './monitor.ts';
export { DEFAULT_OPTIONS, type RecorderOptions } from './options.ts';
export { OutsideRecorder } from './outside.ts';
export {
  findConfiguration,
  type NamedConfiguration,
  predefinedConfigurations,
} from './predefined.ts';
export type { RecordingInfo, RecordingOptions, RecordingState } from './protocol.ts';
export { flush, Recording, recordings, repositoryDirectory } from './recording.ts';
export {
  controlSocketPath,
  type RemoteControl,
  type RemoteControlOptions,
  startRemoteControl,
} from './remote-control.ts';
export type { Settings } from './settings.ts';
export { expandFilename, parseStartOptions, startEnvironment } from './startup.ts';
export type { CommitArguments, Named, Positional } from './values.ts';
export {
  addPeriodicEvent,
  describeSources,
  enableVmEvents,
  type SourceDescription,
} from './vm-events.ts';
