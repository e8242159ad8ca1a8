// SPDX-License-Identifier: Apache-2.0
// Periodic events that the recorder thread can take from the kernel, without the application's threads.
import { readFileSync } from 'node:fs';
import type { EventDeclaration } from '@rekindle/jfr/writing';
import { now, type Ticks } from './clock.ts';
import {
  CPUInformation,
  CPULoad,
  GCConfiguration,
  InitialEnvironmentVariable,
  InitialSystemProperty,
  JavaThreadStatistics,
  JVMInformation,
  NetworkUtilization,
  OSInformation,
  PhysicalMemory,
  ResidentSetSize,
  ThreadCPULoad,
} from './jdk-events.ts';
import type { ProcessFacts } from './process-facts.ts';
import { parseTimespan } from './timespan.ts';
import type { CommitArguments } from './values.ts';

export interface PeriodicContext {
  readonly facts: ProcessFacts;
  emit<const D extends EventDeclaration>(declaration: D, ...args: CommitArguments<D>): void;
  /** Setting in force of an event type; undefined for a type without it. */
  setting(event: string, name: string): string | undefined;
  threads(): readonly { readonly key: number; readonly osThread: number }[];
  /** Threads since the process began, and most at one time. */
  threadCounts(): { accumulated: number; peak: number };
}

/** When in a chunk an event is due, beside those with a period. */
export type ChunkMoment = 'beginChunk' | 'endChunk';

interface Periodic {
  readonly declaration: EventDeclaration;
  readonly emit: () => void;
  due: Ticks;
}

/** Clock ticks a second in the stat files of procfs: a constant of the kernel's interface. */
const USER_HZ = 100;

export class PeriodicEvents {
  readonly #context: PeriodicContext;
  readonly #events: readonly Periodic[];

  constructor(context: PeriodicContext) {
    this.#context = context;
    const cpu = cpuLoad(context);
    const events: [EventDeclaration, () => void][] = [
      [JVMInformation, () => jvmInformation(context)],
      [OSInformation, () => context.emit(OSInformation, now(), context.facts.osVersion)],
      [CPUInformation, () => cpuInformation(context)],
      [
        InitialSystemProperty,
        () => pairs(context, InitialSystemProperty, context.facts.properties),
      ],
      [
        InitialEnvironmentVariable,
        () => pairs(context, InitialEnvironmentVariable, context.facts.environment),
      ],
      [GCConfiguration, () => gcConfiguration(context)],
      [PhysicalMemory, () => physicalMemory(context)],
      [ResidentSetSize, () => residentSetSize(context)],
      [CPULoad, cpu],
      [ThreadCPULoad, threadCpuLoad(context)],
      [JavaThreadStatistics, () => threadStatistics(context)],
      [NetworkUtilization, networkUtilization(context)],
    ];
    this.#events = events.map(([declaration, emit]) => ({ declaration, emit, due: 0 }));
  }

  get declarations(): readonly EventDeclaration[] {
    return this.#events.map(({ declaration }) => declaration);
  }

  /** Emits what belongs to the beginning or the end of a chunk. */
  atChunk(moment: ChunkMoment): void {
    for (const { declaration, emit } of this.#events) {
      const period = this.#period(declaration);
      if (period === moment || period === 'everyChunk') emit();
    }
  }

  /** Emits what is due and answers when the next is. */
  work(time: Ticks): Ticks {
    let next = Number.POSITIVE_INFINITY;
    for (const event of this.#events) {
      const period = parseTimespan(this.#period(event.declaration) ?? '') ?? Number.NaN;
      if (!(period > 0)) continue;
      if (event.due <= time) {
        event.emit();
        event.due = time + period;
      }
      event.due = Math.min(event.due, time + period);
      next = Math.min(next, event.due);
    }
    return next;
  }

  #period({ name }: EventDeclaration): string | undefined {
    if (this.#context.setting(name, 'enabled') !== 'true') return undefined;
    return this.#context.setting(name, 'period');
  }
}

function jvmInformation({ emit, facts }: PeriodicContext): void {
  const { jvmName, jvmVersion, jvmArguments, javaArguments, startTime, pid } = facts;
  emit(
    JVMInformation,
    now(),
    jvmName,
    jvmVersion,
    jvmArguments,
    null,
    javaArguments,
    startTime,
    pid,
  );
}

function cpuInformation({ emit, facts }: PeriodicContext): void {
  const { cpu, cpuDescription, hardwareThreads } = facts;
  emit(CPUInformation, now(), cpu, cpuDescription, 1, hardwareThreads, hardwareThreads);
}

function pairs(
  { emit }: PeriodicContext,
  declaration: typeof InitialSystemProperty | typeof InitialEnvironmentVariable,
  values: Readonly<Record<string, string>>,
): void {
  const time = now();
  for (const [key, value] of Object.entries(values)) emit(declaration, time, key, value);
}

function gcConfiguration({ emit, facts }: PeriodicContext): void {
  const threads = Math.max(1, facts.hardwareThreads - 1);
  const [young, old] = ['Scavenger', 'Mark-Sweep-Compact'] as const;
  // no pause target: JMC's rule about it would look for one otherwise
  const target = -(2n ** 63n);
  emit(GCConfiguration, now(), young, old, threads, threads, true, false, false, target, 0);
}

function physicalMemory({ emit }: PeriodicContext): void {
  const memory = fields('/proc/meminfo');
  const total = (memory.get('MemTotal') ?? 0) * 1024;
  const available = (memory.get('MemAvailable') ?? 0) * 1024;
  emit(PhysicalMemory, now(), total, total - available);
}

function residentSetSize({ emit }: PeriodicContext): void {
  const status = fields('/proc/self/status');
  const size = (status.get('VmRSS') ?? 0) * 1024;
  emit(ResidentSetSize, now(), size, (status.get('VmHWM') ?? 0) * 1024);
}

/** `Name:   number kB` lines of a procfs file. */
function fields(path: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const match of read(path).matchAll(/^(\w+):\s+(\d+)/gm)) {
    found.set(match[1]!, Number(match[2]));
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // not every kernel or container shows every file; the event is left empty or out then
    return '';
  }
}

function cpuLoad({ emit, facts }: PeriodicContext): () => void {
  let before = { time: now(), usage: process.cpuUsage(), machine: machineTimes() };
  return () => {
    const after = { time: now(), usage: process.cpuUsage(), machine: machineTimes() };
    const micros = ((after.time - before.time) / 1000) * facts.hardwareThreads;
    const busy = after.machine.busy - before.machine.busy;
    const total = after.machine.total - before.machine.total;
    const user = share(after.usage.user - before.usage.user, micros);
    const system = share(after.usage.system - before.usage.system, micros);
    emit(CPULoad, after.time, user, system, Math.max(share(busy, total), user + system));
    before = after;
  };
}

function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

function machineTimes(): { busy: number; total: number } {
  const times = (/^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1] ?? '').split(' ').map(Number);
  const total = times.slice(0, 8).reduce((sum, value) => sum + value, 0);
  return { busy: total - (times[3] ?? 0) - (times[4] ?? 0), total };
}

function threadCpuLoad({ emit, facts, threads }: PeriodicContext): () => void {
  let before = new Map<number, { time: Ticks; user: number; system: number }>();
  return () => {
    const after: typeof before = new Map();
    for (const { key, osThread } of threads()) {
      const stat = read(`/proc/self/task/${osThread}/stat`);
      // the name, in parentheses, may hold blanks
      const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (values.length < 13) continue;
      const sample = { time: now(), user: Number(values[11]), system: Number(values[12]) };
      after.set(key, sample);
      const last = before.get(key);
      if (last === undefined) continue;
      const ticks = ((sample.time - last.time) / 1e9) * USER_HZ * facts.hardwareThreads;
      const user = share(sample.user - last.user, ticks);
      emit(ThreadCPULoad, sample.time, key, user, share(sample.system - last.system, ticks));
    }
    before = after;
  };
}

function threadStatistics({ emit, threads, threadCounts }: PeriodicContext): void {
  const { accumulated, peak } = threadCounts();
  emit(JavaThreadStatistics, now(), threads().length, 0, accumulated, peak);
}

function networkUtilization({ emit }: PeriodicContext): () => void {
  let before = { time: now(), devices: devices() };
  return () => {
    const after = { time: now(), devices: devices() };
    const seconds = (after.time - before.time) / 1e9;
    for (const [name, { read: received, written }] of after.devices) {
      const last = before.devices.get(name);
      if (last === undefined || seconds <= 0) continue;
      const readRate = Math.round(((received - last.read) * 8) / seconds);
      const writeRate = Math.round(((written - last.written) * 8) / seconds);
      if (readRate > 0 || writeRate > 0) {
        emit(NetworkUtilization, after.time, name, Math.max(0, readRate), Math.max(0, writeRate));
      }
    }
    before = after;
  };
}

function devices(): Map<string, { read: number; written: number }> {
  const found = new Map<string, { read: number; written: number }>();
  for (const match of read('/proc/net/dev').matchAll(/^\s*([^\s:]+):\s*(.*)$/gm)) {
    const values = match[2]!.trim().split(/\s+/).map(Number);
    found.set(match[1]!, { read: values[0] ?? 0, written: values[8] ?? 0 });
  }
  return found;
}
