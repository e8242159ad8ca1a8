// SPDX-License-Identifier: Apache-2.0
// Every event that rekindle itself writes, on one page. Times are nanosecond ticks of CLOCK_MONOTONIC;
// addresses are bytes; nothing here is an array (array fields break the JDK's text printer). Type ids are the same
// in every program of ours, because their recordings are joined into one file.
import type { EventDeclaration } from '@rekindle/jfr';

// Names stay literal types, so that the TypeScript type of an event follows from its declaration.
const address = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label, content: 'memory-address', unsigned: true }) as const;
const bytes = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label, content: 'bytes', unsigned: true }) as const;
const count = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label, unsigned: true }) as const;
const text = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'java.lang.String', label }) as const;
const int = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'int', label }) as const;

/** How a page got its content. `raced`: someone else had installed it first (EEXIST). */
export const FAULT_ACTIONS = ['copy', 'zero', 'raced'] as const;
/** What a virtual machine was doing. */
export const VM_PHASES = [
  'boot',
  'pause',
  'snapshot',
  'load',
  'resume',
  'first-response',
  'kill',
] as const;
/** Who owns a page frame of the guest. */
export const OWNER_KINDS = [
  'kernel text',
  'slab',
  'page table',
  'anon',
  'file',
  'page cache',
  'free',
  'reserved',
  'kernel',
] as const;

export const PageFault = {
  name: 'rekindle.PageFault',
  typeId: 2,
  label: 'Page Fault',
  description: 'A page fault of a restored VM; the duration is the time to service it',
  category: ['rekindle', 'Pager'],
  duration: true,
  fields: [
    address('guestPhysical', 'Guest Physical Address'),
    address('hostVirtual', 'Host Virtual Address'),
    { name: 'write', type: 'boolean', label: 'Write' },
    {
      name: 'action',
      type: { enumeration: 'rekindle.types.FaultAction', values: FAULT_ACTIONS },
      label: 'Action',
    },
    int('vcpuThread', 'vCPU Thread'),
    int('region', 'Memory Region'),
  ],
} as const satisfies EventDeclaration;

export const Prefetch = {
  name: 'rekindle.Prefetch',
  typeId: 3,
  label: 'Prefetch',
  description: 'A run of pages installed before anyone asked for them',
  category: ['rekindle', 'Pager'],
  duration: true,
  fields: [
    address('guestPhysical', 'Guest Physical Address'),
    count('pages', 'Pages'),
    bytes('bytes', 'Bytes'),
    {
      name: 'action',
      type: { enumeration: 'rekindle.types.FaultAction', values: FAULT_ACTIONS },
      label: 'Action',
    },
    text('source', 'Source'),
  ],
} as const satisfies EventDeclaration;

export const PagesRemoved = {
  name: 'rekindle.PagesRemoved',
  typeId: 4,
  label: 'Pages Removed',
  description: 'A range the guest gave back (balloon, virtio-mem); it reads as zeroes from now on',
  category: ['rekindle', 'Pager'],
  fields: [address('guestPhysical', 'Guest Physical Address'), bytes('bytes', 'Bytes')],
} as const satisfies EventDeclaration;

export const PagerSummary = {
  name: 'rekindle.PagerSummary',
  typeId: 5,
  label: 'Pager Summary',
  description: 'What one pager did for one VM, in total',
  category: ['rekindle', 'Pager'],
  fields: [
    count('faults', 'Faults'),
    count('copied', 'Pages Copied'),
    count('zeroed', 'Pages Zeroed'),
    count('prefetched', 'Pages Prefetched'),
    { name: 'wasted', type: 'long', label: 'Pages Wasted', description: '-1: not known' },
    bytes('removed', 'Bytes Removed'),
    { name: 'stalled', type: 'long', label: 'Stalled Time', content: 'timespan-ticks' },
  ],
} as const satisfies EventDeclaration;

export const VmPhase = {
  name: 'rekindle.VmPhase',
  typeId: 6,
  label: 'VM Phase',
  category: ['rekindle', 'Virtual Machine'],
  duration: true,
  fields: [
    text('vm', 'Virtual Machine'),
    {
      name: 'phase',
      type: { enumeration: 'rekindle.types.VmPhase', values: VM_PHASES },
      label: 'Phase',
    },
    text('engine', 'Engine'),
    text('accelerator', 'Accelerator'),
  ],
} as const satisfies EventDeclaration;

export const VmmRequest = {
  name: 'rekindle.VmmRequest',
  typeId: 7,
  label: 'VMM Request',
  description: 'A request to the virtual machine monitor: Firecracker HTTP or QEMU QMP',
  category: ['rekindle', 'Virtual Machine'],
  duration: true,
  fields: [
    text('vm', 'Virtual Machine'),
    text('method', 'Method'),
    text('path', 'Path'),
    int('status', 'Status'),
    text('error', 'Error'),
  ],
} as const satisfies EventDeclaration;

export const HttpProbe = {
  name: 'rekindle.HttpProbe',
  typeId: 8,
  label: 'HTTP Probe',
  category: ['rekindle', 'Virtual Machine'],
  duration: true,
  fields: [text('url', 'URL'), int('status', 'Status'), int('attempt', 'Attempt')],
} as const satisfies EventDeclaration;

export const GuestProcess = {
  name: 'rekindle.GuestProcess',
  typeId: 9,
  label: 'Guest Process',
  category: ['rekindle', 'Memory'],
  fields: [
    { name: 'pid', type: 'long', label: 'Process Id' },
    text('processName', 'Name'),
    text('executable', 'Executable'),
  ],
} as const satisfies EventDeclaration;

export const GuestMapping = {
  name: 'rekindle.GuestMapping',
  typeId: 10,
  label: 'Guest Mapping',
  description: 'A virtual memory area of a guest process',
  category: ['rekindle', 'Memory'],
  fields: [
    { name: 'pid', type: 'long', label: 'Process Id' },
    address('start', 'Start'),
    address('end', 'End'),
    text('mapping', 'Name'),
    bytes('residentBytes', 'Resident'),
  ],
} as const satisfies EventDeclaration;

export const GuestPages = {
  name: 'rekindle.GuestPages',
  typeId: 11,
  label: 'Guest Pages',
  description: 'A run of pages of a process, contiguous in virtual and physical memory',
  category: ['rekindle', 'Memory'],
  fields: [
    { name: 'pid', type: 'long', label: 'Process Id' },
    address('virtual', 'Virtual Address'),
    address('guestPhysical', 'Guest Physical Address'),
    count('pages', 'Pages'),
    {
      name: 'flags',
      type: 'long',
      label: 'Flags',
      description: 'bit 0: exclusively mapped, bit 1: file page or shared anonymous',
    },
  ],
} as const satisfies EventDeclaration;

export const PageOwner = {
  name: 'rekindle.PageOwner',
  typeId: 12,
  label: 'Page Owner',
  description: 'Who owns a run of page frames',
  category: ['rekindle', 'Memory'],
  fields: [
    address('guestPhysical', 'Guest Physical Address'),
    count('pages', 'Pages'),
    {
      name: 'kind',
      type: { enumeration: 'rekindle.types.OwnerKind', values: OWNER_KINDS },
      label: 'Kind',
    },
    text('owner', 'Name'),
  ],
} as const satisfies EventDeclaration;

export const JvmRegion = {
  name: 'rekindle.JvmRegion',
  typeId: 13,
  label: 'JVM Region',
  description: 'A range of native memory tracking',
  category: ['rekindle', 'Memory'],
  fields: [
    { name: 'pid', type: 'long', label: 'Process Id' },
    address('start', 'Start'),
    address('end', 'End'),
    text('area', 'Category'),
    bytes('committed', 'Committed'),
    address('parent', 'Start of the Reserved Range'),
  ],
} as const satisfies EventDeclaration;

export const JvmMethod = {
  name: 'rekindle.JvmMethod',
  typeId: 14,
  label: 'JVM Compiled Method',
  category: ['rekindle', 'Memory'],
  fields: [
    { name: 'pid', type: 'long', label: 'Process Id' },
    address('start', 'Start'),
    address('end', 'End'),
    int('level', 'Compilation Level'),
    text('method', 'Method'),
  ],
} as const satisfies EventDeclaration;

export const ClockAnchor = {
  name: 'rekindle.ClockAnchor',
  typeId: 15,
  label: 'Clock Anchor',
  description: 'The same moment on two clocks',
  category: ['rekindle'],
  fields: [
    text('source', 'Source'),
    {
      name: 'wallClock',
      type: 'long',
      label: 'Wall Clock',
      content: 'timestamp-epoch-millis',
    },
    { name: 'monotonic', type: 'long', label: 'Monotonic', content: 'timespan-nanos' },
  ],
} as const satisfies EventDeclaration;
