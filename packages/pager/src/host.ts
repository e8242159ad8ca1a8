// SPDX-License-Identifier: Apache-2.0
import { type FaultLog, LogSplitter, SilentLog } from './fault-log.ts';
import type { ResolvedOptions } from './options.ts';
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
