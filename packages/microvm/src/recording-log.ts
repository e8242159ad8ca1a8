// SPDX-License-Identifier: Apache-2.0
import { ClockAnchor, HttpProbe, VM_PHASES, VmmRequest, VmPhase } from '@rekindle/events';
import { eventHandle, now, Recording } from '@rekindle/recorder';
import { requireWritable } from './error.ts';
import type { VmLog } from './log.ts';

/** A log that is a recording; `close` writes the file. */
export interface RecordingVmLog extends VmLog {
  close(): void;
}

/** Our events alone: what the recorder could tell of this process besides is not asked for. */
const SETTINGS: Record<string, string> = Object.fromEntries(
  [VmPhase, VmmRequest, HttpProbe, ClockAnchor].map(({ name }) => [`${name}#enabled`, 'true']),
);

/** Records what happens to VMs into a `.jfr` file, through the flight recorder of this process. */
export function recordingVmLog(path: string): RecordingVmLog {
  requireWritable(path);
  const recording = new Recording({
    name: 'rekindle',
    destination: path,
    settings: SETTINGS,
  }).start();
  const phases = eventHandle(VmPhase);
  const requests = eventHandle(VmmRequest);
  const probes = eventHandle(HttpProbe);
  const anchor = (): void => {
    const monotonic = now();
    eventHandle(ClockAnchor).commit(monotonic, 'rekindle', Date.now(), monotonic);
  };
  anchor();
  return {
    phase(vm, phase, start) {
      phases.commit(
        Number(start),
        now() - Number(start),
        vm.name,
        VM_PHASES.indexOf(phase) + 1,
        vm.engine,
        vm.accelerator,
      );
    },
    request(vm, method, requestPath, start, status, error) {
      const began = Number(start);
      requests.commit(began, now() - began, vm, method, requestPath, status, error ?? '');
    },
    probe(url, status, attempt, start) {
      probes.commit(Number(start), now() - Number(start), url, status, attempt);
    },
    close() {
      anchor();
      recording.stop();
      recording.close();
    },
  };
}
