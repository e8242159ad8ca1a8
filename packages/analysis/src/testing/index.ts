// SPDX-License-Identifier: Apache-2.0
// Made-up runs, for the tests of other packages.
export { drawnRun, firstRows, MICROSECOND } from './drawn-run.ts';
export { type SyntheticOptions, syntheticRun } from './synthetic.ts';
export { recordingOf } from './synthetic-recording.ts';
export { type Texts, textsOf } from './synthetic-texts.ts';
