// SPDX-License-Identifier: Apache-2.0
// Events under the JDK's names, laid out as JDK 25 writes them, so that JMC's pages and `jfr view` know
// them. What a Node.js process fills them with stands beside each source.
import type { EventDeclaration, FieldDeclaration } from '@rekindle/jfr/writing';
import { asyncContextField } from './async-context.ts';
import {
  address,
  bytes,
  count,
  long,
  OFF,
  percentage,
  span,
  text,
  thread,
  type,
} from './event-fields.ts';

// Where a source knows thread and stack better than `commit` does, they are fields like others.
const EVENT_THREAD = thread('eventThread', 'Event Thread');
const STACK = {
  name: 'stackTrace',
  type: 'jdk.types.StackTrace',
  label: 'Stack Trace',
} as const satisfies FieldDeclaration;
const GC_ID = {
  ...count('gcId', 'GC Identifier'),
  relation: 'jdk.types.GcId',
} as const satisfies FieldDeclaration;

export const JVMInformation = {
  name: 'jdk.JVMInformation',
  label: 'JVM Information',
  category: ['Java Virtual Machine'],
  settings: { period: 'beginChunk' },
  fields: [
    text('jvmName', 'JVM Name'),
    text('jvmVersion', 'JVM Version'),
    text('jvmArguments', 'JVM Command Line Arguments'),
    text('jvmFlags', 'JVM Settings File Arguments'),
    text('javaArguments', 'Java Application Arguments'),
    {
      name: 'jvmStartTime',
      type: 'long',
      label: 'JVM Start Time',
      content: 'timestamp-epoch-millis',
    },
    // JMC converts the pid only in the last place
    long('pid', 'Process Identifier'),
  ],
} as const satisfies EventDeclaration;

export const OSInformation = {
  name: 'jdk.OSInformation',
  label: 'OS Information',
  category: ['Operating System'],
  settings: { period: 'beginChunk' },
  fields: [text('osVersion', 'OS Version')],
} as const satisfies EventDeclaration;

export const CPUInformation = {
  name: 'jdk.CPUInformation',
  label: 'CPU Information',
  category: ['Operating System', 'Processor'],
  settings: { period: 'beginChunk' },
  fields: [
    text('cpu', 'Type'),
    text('description', 'Description'),
    count('sockets', 'Sockets'),
    count('cores', 'Cores'),
    count('hwThreads', 'Hardware Threads'),
  ],
} as const satisfies EventDeclaration;

export const InitialSystemProperty = {
  name: 'jdk.InitialSystemProperty',
  label: 'Initial System Property',
  category: ['Java Virtual Machine'],
  settings: { ...OFF, period: 'beginChunk' },
  fields: [text('key', 'Key'), text('value', 'Value')],
} as const satisfies EventDeclaration;

export const InitialEnvironmentVariable = {
  name: 'jdk.InitialEnvironmentVariable',
  label: 'Initial Environment Variable',
  category: ['Operating System'],
  settings: { ...OFF, period: 'beginChunk' },
  fields: [text('key', 'Key'), text('value', 'Value')],
} as const satisfies EventDeclaration;

export const PhysicalMemory = {
  name: 'jdk.PhysicalMemory',
  label: 'Physical Memory',
  category: ['Operating System', 'Memory'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [bytes('totalSize', 'Total Size'), bytes('usedSize', 'Used Size')],
} as const satisfies EventDeclaration;

export const ResidentSetSize = {
  name: 'jdk.ResidentSetSize',
  label: 'Resident Set Size',
  category: ['Java Virtual Machine', 'Memory'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [bytes('size', 'Resident Set Size'), bytes('peak', 'Resident Set Size Peak Value')],
} as const satisfies EventDeclaration;

export const CPULoad = {
  name: 'jdk.CPULoad',
  label: 'CPU Load',
  category: ['Operating System', 'Processor'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [
    percentage('jvmUser', 'JVM User'),
    percentage('jvmSystem', 'JVM System'),
    percentage('machineTotal', 'Machine Total'),
  ],
} as const satisfies EventDeclaration;

export const ThreadCPULoad = {
  name: 'jdk.ThreadCPULoad',
  label: 'Thread CPU Load',
  category: ['Operating System', 'Processor'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [
    EVENT_THREAD,
    percentage('user', 'User Mode CPU Load'),
    percentage('system', 'System Mode CPU Load'),
  ],
} as const satisfies EventDeclaration;

export const JavaThreadStatistics = {
  name: 'jdk.JavaThreadStatistics',
  label: 'Java Thread Statistics',
  category: ['Java Application', 'Statistics'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [
    long('activeCount', 'Active Threads'),
    long('daemonCount', 'Daemon Threads'),
    long('accumulatedCount', 'Accumulated Threads'),
    long('peakCount', 'Peak Threads'),
  ],
} as const satisfies EventDeclaration;

export const NetworkUtilization = {
  name: 'jdk.NetworkUtilization',
  label: 'Network Utilization',
  category: ['Operating System', 'Network'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [
    // a text here, a constant in the JDK: readers show both alike
    text('networkInterface', 'Network Interface'),
    { name: 'readRate', type: 'long', label: 'Read Rate', content: 'bits' },
    { name: 'writeRate', type: 'long', label: 'Write Rate', content: 'bits' },
  ],
} as const satisfies EventDeclaration;

export const ThreadStart = {
  name: 'jdk.ThreadStart',
  label: 'Java Thread Start',
  category: ['Java Application'],
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    thread('thread', 'New Java Thread'),
    thread('parentThread', 'Parent Java Thread'),
  ],
} as const satisfies EventDeclaration;

export const ThreadEnd = {
  name: 'jdk.ThreadEnd',
  label: 'Java Thread End',
  category: ['Java Application'],
  thread: true,
  settings: OFF,
  fields: [thread('thread', 'Java Thread')],
} as const satisfies EventDeclaration;

export const ThreadPark = {
  name: 'jdk.ThreadPark',
  label: 'Java Thread Park',
  category: ['Java Application'],
  duration: true,
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    type('parkedClass', 'Class Parked On'),
    { name: 'timeout', type: 'long', label: 'Park Timeout', content: 'timespan-nanos' },
    {
      name: 'until',
      type: 'long',
      label: 'Park Until',
      content: 'timestamp-epoch-millis',
    },
    { ...address('address', 'Address of Object Parked'), relation: 'jdk.types.JavaMonitorAddress' },
  ],
} as const satisfies EventDeclaration;

export const ThreadSleep = {
  name: 'jdk.ThreadSleep',
  label: 'Java Thread Sleep',
  category: ['Java Application'],
  duration: true,
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    { name: 'time', type: 'long', label: 'Sleep Time', content: 'timespan-nanos' },
  ],
} as const satisfies EventDeclaration;

export const JavaMonitorEnter = {
  name: 'jdk.JavaMonitorEnter',
  label: 'Java Monitor Blocked',
  category: ['Java Application'],
  duration: true,
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    type('monitorClass', 'Monitor Class'),
    thread('previousOwner', 'Previous Monitor Owner'),
    { ...address('address', 'Monitor Address'), relation: 'jdk.types.JavaMonitorAddress' },
  ],
} as const satisfies EventDeclaration;

export const JavaMonitorWait = {
  name: 'jdk.JavaMonitorWait',
  label: 'Java Monitor Wait',
  category: ['Java Application'],
  duration: true,
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    type('monitorClass', 'Monitor Class'),
    thread('notifier', 'Notifier Thread'),
    { name: 'timeout', type: 'long', label: 'Timeout', content: 'timespan-millis' },
    { name: 'timedOut', type: 'boolean', label: 'Timed Out' },
    { ...address('address', 'Monitor Address'), relation: 'jdk.types.JavaMonitorAddress' },
  ],
} as const satisfies EventDeclaration;

export const ThreadDump = {
  name: 'jdk.ThreadDump',
  label: 'Thread Dump',
  category: ['Java Virtual Machine', 'Runtime'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [text('result', 'Thread Dump')],
} as const satisfies EventDeclaration;

/** V8's collectors under names that JMC's tables can show; `N/A` closes HotSpot's own list. */
const GC_NAME = {
  enumeration: 'jdk.types.GCName',
  values: [
    'Scavenger',
    'Minor Mark-Sweep',
    'Mark-Sweep-Compact',
    'Incremental Marking',
    'Weak Processing',
    'N/A',
  ],
} as const;
const GC_CAUSE = {
  enumeration: 'jdk.types.GCCause',
  field: 'cause',
  values: [
    'Allocation',
    'Forced',
    'External Memory',
    'Schedule Idle',
    'All Available Garbage',
    'Retained',
  ],
} as const;
const GC_WHEN = {
  enumeration: 'jdk.types.GCWhen',
  field: 'when',
  values: ['Before GC', 'After GC'],
} as const;

export const GarbageCollection = {
  name: 'jdk.GarbageCollection',
  label: 'Garbage Collection',
  description: 'Garbage collection performed by the VM',
  category: ['Java Virtual Machine', 'GC', 'Collector'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [
    GC_ID,
    { name: 'name', type: GC_NAME, label: 'Name' },
    { name: 'cause', type: GC_CAUSE, label: 'Cause' },
    span('sumOfPauses', 'Sum of Pauses'),
    span('longestPause', 'Longest Pause'),
  ],
} as const satisfies EventDeclaration;

export const YoungGarbageCollection = {
  name: 'jdk.YoungGarbageCollection',
  label: 'Young Garbage Collection',
  category: ['Java Virtual Machine', 'GC', 'Collector'],
  duration: true,
  settings: OFF,
  fields: [GC_ID, count('tenuringThreshold', 'Tenuring Threshold')],
} as const satisfies EventDeclaration;

export const OldGarbageCollection = {
  name: 'jdk.OldGarbageCollection',
  label: 'Old Garbage Collection',
  category: ['Java Virtual Machine', 'GC', 'Collector'],
  duration: true,
  settings: OFF,
  fields: [GC_ID],
} as const satisfies EventDeclaration;

export const GCPhasePause = {
  name: 'jdk.GCPhasePause',
  label: 'GC Phase Pause',
  category: ['Java Virtual Machine', 'GC', 'Phases'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [GC_ID, text('name', 'Name')],
} as const satisfies EventDeclaration;

export const GCHeapSummary = {
  name: 'jdk.GCHeapSummary',
  label: 'Heap Summary',
  category: ['Java Virtual Machine', 'GC', 'Heap'],
  // the period is ours: one collection in each
  settings: { ...OFF, period: '1000 ms' },
  fields: [
    GC_ID,
    { name: 'when', type: GC_WHEN, label: 'When' },
    {
      name: 'heapSpace',
      label: 'Heap Space',
      type: {
        struct: 'jdk.types.VirtualSpace',
        fields: [
          address('start', 'Start Address'),
          address('committedEnd', 'Committed End Address'),
          bytes('committedSize', 'Committed Size'),
          address('reservedEnd', 'Reserved End Address'),
          bytes('reservedSize', 'Reserved Size'),
        ],
      },
    },
    bytes('heapUsed', 'Heap Used'),
  ],
} as const satisfies EventDeclaration;

export const GCConfiguration = {
  name: 'jdk.GCConfiguration',
  label: 'GC Configuration',
  category: ['Java Virtual Machine', 'GC', 'Configuration'],
  settings: { ...OFF, period: 'everyChunk' },
  fields: [
    { name: 'youngCollector', type: GC_NAME, label: 'Young Garbage Collector' },
    { name: 'oldCollector', type: GC_NAME, label: 'Old Garbage Collector' },
    count('parallelGCThreads', 'Parallel GC Threads'),
    count('concurrentGCThreads', 'Concurrent GC Threads'),
    { name: 'usesDynamicGCThreads', type: 'boolean', label: 'Uses Dynamic GC Threads' },
    { name: 'isExplicitGCConcurrent', type: 'boolean', label: 'Concurrent Explicit GC' },
    { name: 'isExplicitGCDisabled', type: 'boolean', label: 'Disabled Explicit GC' },
    { name: 'pauseTarget', type: 'long', label: 'Pause Target', content: 'timespan-millis' },
    count('gcTimeRatio', 'GC Time Ratio'),
  ],
} as const satisfies EventDeclaration;

const THREAD_STATE = {
  enumeration: 'jdk.types.ThreadState',
  values: ['STATE_NEW', 'STATE_TERMINATED', 'STATE_RUNNABLE', 'STATE_SLEEPING', 'STATE_PARKED'],
} as const;

export const ExecutionSample = {
  name: 'jdk.ExecutionSample',
  label: 'Java Execution Sample',
  description: 'Snapshot of a threads state',
  category: ['Java Virtual Machine', 'Profiling'],
  settings: { ...OFF, period: '20 ms' },
  fields: [
    thread('sampledThread', 'Thread'),
    STACK,
    { name: 'state', type: THREAD_STATE, label: 'Thread State' },
  ],
} as const satisfies EventDeclaration;

export const ObjectAllocationSample = {
  name: 'jdk.ObjectAllocationSample',
  label: 'Object Allocation Sample',
  category: ['Java Application'],
  // the period is ours: how often V8 is asked for its samples
  settings: { ...OFF, stackTrace: 'true', throttle: '150/s', period: '300 s' },
  fields: [
    EVENT_THREAD,
    STACK,
    type('objectClass', 'Object Class'),
    { name: 'weight', type: 'long', label: 'Sample Weight', content: 'bytes' },
  ],
} as const satisfies EventDeclaration;

export const JavaExceptionThrow = {
  name: 'jdk.JavaExceptionThrow',
  label: 'Java Exception',
  description: 'An object derived from Error has been created',
  category: ['Java Application'],
  settings: { ...OFF, stackTrace: 'true', throttle: '100/s' },
  fields: [
    EVENT_THREAD,
    STACK,
    text('message', 'Message'),
    type('thrownClass', 'Class'),
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const JavaErrorThrow = {
  name: 'jdk.JavaErrorThrow',
  label: 'Java Error',
  description: 'An error that nobody caught',
  category: ['Java Application'],
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    text('message', 'Message'),
    type('thrownClass', 'Class'),
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const ExceptionStatistics = {
  name: 'jdk.ExceptionStatistics',
  label: 'Exception Statistics',
  category: ['Java Application', 'Statistics'],
  settings: { ...OFF, period: '1000 ms' },
  fields: [long('throwables', 'Exceptions Created')],
} as const satisfies EventDeclaration;

const IO = { ...OFF, stackTrace: 'true', throttle: 'off' } as const;

export const FileRead = {
  name: 'jdk.FileRead',
  label: 'File Read',
  category: ['Java Application'],
  duration: true,
  settings: IO,
  fields: [
    EVENT_THREAD,
    STACK,
    text('path', 'Path'),
    { name: 'bytesRead', type: 'long', label: 'Bytes Read', content: 'bytes' },
    { name: 'endOfFile', type: 'boolean', label: 'End of File' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const FileWrite = {
  name: 'jdk.FileWrite',
  label: 'File Write',
  category: ['Java Application'],
  duration: true,
  settings: IO,
  fields: [
    EVENT_THREAD,
    STACK,
    text('path', 'Path'),
    { name: 'bytesWritten', type: 'long', label: 'Bytes Written', content: 'bytes' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const FileForce = {
  name: 'jdk.FileForce',
  label: 'File Force',
  category: ['Java Application'],
  duration: true,
  settings: { ...OFF, stackTrace: 'true' },
  fields: [
    EVENT_THREAD,
    STACK,
    text('path', 'Path'),
    { name: 'metaData', type: 'boolean', label: 'Update Metadata' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const SocketRead = {
  name: 'jdk.SocketRead',
  label: 'Socket Read',
  category: ['Java Application'],
  duration: true,
  settings: IO,
  fields: [
    EVENT_THREAD,
    STACK,
    text('host', 'Remote Host'),
    text('address', 'Remote Address'),
    { name: 'port', type: 'int', label: 'Remote Port' },
    { name: 'timeout', type: 'long', label: 'Timeout Value', content: 'timespan-millis' },
    { name: 'bytesRead', type: 'long', label: 'Bytes Read', content: 'bytes' },
    { name: 'endOfStream', type: 'boolean', label: 'End of Stream' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const SocketWrite = {
  name: 'jdk.SocketWrite',
  label: 'Socket Write',
  category: ['Java Application'],
  duration: true,
  settings: IO,
  fields: [
    EVENT_THREAD,
    STACK,
    text('host', 'Remote Host'),
    text('address', 'Remote Address'),
    { name: 'port', type: 'int', label: 'Remote Port' },
    { name: 'bytesWritten', type: 'long', label: 'Bytes Written', content: 'bytes' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const Shutdown = {
  name: 'jdk.Shutdown',
  label: 'JVM Shutdown',
  category: ['Java Virtual Machine', 'Runtime'],
  thread: true,
  stackTrace: true,
  settings: OFF,
  fields: [text('reason', 'Reason')],
} as const satisfies EventDeclaration;
