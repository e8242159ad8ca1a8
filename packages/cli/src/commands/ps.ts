// SPDX-License-Identifier: Apache-2.0
import { attachVm, listRecords, type VmRecord } from '@rekindle/microvm';
import { Command } from 'commander';
import { formatBytes, printJson, printTable } from '../output.ts';

interface Row {
  readonly name: string;
  readonly state: 'running' | 'paused' | 'unreachable';
  readonly engine: string;
  readonly accelerator: string;
  readonly pid: number;
  readonly owner: number;
  readonly memoryBytes: number;
  readonly residentBytes: number;
  readonly cpuSeconds: number;
  readonly uptimeSeconds: number;
  readonly addresses: readonly string[];
  readonly restored: boolean;
}

/** The VMs that run. */
export function psCommand(): Command {
  return new Command('ps')
    .description('The VMs of this user that are running')
    .option('--json', 'as JSON on stdout')
    .addHelpText('after', '\nExample:\n  rekindle ps --json')
    .action(async (flags: { json?: true }) => {
      const rows = await Promise.all(listRecords().map(rowOf));
      if (flags.json) return printJson(rows);
      printTable(
        ['name', 'state', 'engine', 'accel', 'pid', 'resident', 'of', 'cpu', 'up', 'address'],
        rows.map((row) => [
          row.name,
          row.state,
          row.engine,
          row.accelerator,
          String(row.pid),
          formatBytes(row.residentBytes),
          formatBytes(row.memoryBytes),
          `${row.cpuSeconds.toFixed(1)} s`,
          `${row.uptimeSeconds.toFixed(0)} s`,
          row.addresses.join(' '),
        ]),
        [4, 5, 6, 7, 8],
      );
    });
}

async function rowOf(record: VmRecord): Promise<Row> {
  const known = {
    name: record.name,
    engine: `${record.identity.engine} ${record.identity.engineVersion}`,
    accelerator: record.identity.accelerator,
    pid: record.vmmPid,
    owner: record.owner.pid,
    uptimeSeconds: (Date.now() - record.started) / 1000,
    addresses: record.endpoints.map(({ host, port, guestPort }) => `${host}:${port}->${guestPort}`),
    restored: record.snapshot !== undefined,
  };
  try {
    const { machine, detach } = await attachVm(record.name);
    const stats = await machine.stats();
    detach();
    const { memoryBytes, residentBytes, cpuSeconds } = stats;
    return {
      ...known,
      state: stats.running ? 'running' : 'paused',
      memoryBytes,
      residentBytes,
      cpuSeconds,
    };
  } catch {
    // It is ending right now, or its monitor hangs; the list is for all VMs, not only for the healthy.
    return { ...known, state: 'unreachable', memoryBytes: 0, residentBytes: 0, cpuSeconds: 0 };
  }
}
