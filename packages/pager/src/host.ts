// SPDX-License-Identifier: Apache-2.0
import { type FaultLog, LogSplitter, SilentLog } from './fault-log.ts';
import type { ResolvedOptions } from './options.ts';
import type { PagerHost, PagerNotice } from './serve.ts';
import { TextLog } from './text-log.ts';

/** Opens the logs that the options ask for. */
export async function openLogs(options: ResolvedOptions): Promise<FaultLog> {
  const logs: FaultLog[] = [];
  if (options.recordPath !== undefined) {
    // Takes as long to load as all else here together: only where it is needed.
    const { RecordingLog } = await import('./recording-log.ts');
    logs.push(new RecordingLog(options.recordPath, options.workingSetPath ?? options.memoryPath));
  }
  if (options.textLogPath !== undefined) logs.push(new TextLog(options.textLogPath));
  if (logs.length === 0) return new SilentLog();
  return logs.length === 1 ? logs[0]! : new LogSplitter(logs);
}

/**
 * A host for a pager that is a process of its own: SIGTERM and SIGINT ask it to install what is left and
 * to leave the VM to itself.
 */
export function processHost(notify: (notice: PagerNotice) => void): PagerHost {
  let stopped = false;
  const stopping = new Promise<void>((resolve) => {
    const stop = (): void => {
      stopped = true;
      resolve();
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
  return { openLog: openLogs, notify, stopped: () => stopped, stopping };
}
