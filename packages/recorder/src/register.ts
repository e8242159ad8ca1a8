// SPDX-License-Identifier: Apache-2.0
// `node --import @rekindle/recorder/register app.js`: starts what REKINDLE_START_FLIGHT_RECORDING asks
// for. Without that variable nothing is loaded and nothing happens.
import { getEnvironmentData, isMainThread } from 'node:worker_threads';

const asked = process.env.REKINDLE_START_FLIGHT_RECORDING;
if (isMainThread) {
  if (asked !== undefined) (await import('./startup.ts')).startAsAsked(asked);
} else if (getEnvironmentData('@rekindle/recorder arena') !== undefined) {
  (await import('./vm-events.ts')).enableVmEvents();
}
