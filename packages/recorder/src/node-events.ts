// SPDX-License-Identifier: Apache-2.0
// What only a Node.js process has to tell.
import type { EventDeclaration } from '@rekindle/jfr/writing';
import { asyncContextField } from './async-context.ts';
import { bytes, long, nanos, OFF, text } from './event-fields.ts';

export const EventLoopDelay = {
  name: 'node.EventLoopDelay',
  label: 'Event Loop Delay',
  description: 'How late timers of a thread were in the last period',
  category: ['Node.js', 'Event Loop'],
  thread: true,
  settings: { ...OFF, period: '1000 ms' },
  fields: [
    nanos('mean', 'Mean'),
    nanos('p50', 'Median'),
    nanos('p99', '99th Percentile'),
    nanos('max', 'Longest'),
  ],
} as const satisfies EventDeclaration;

export const EventLoopUtilization = {
  name: 'node.EventLoopUtilization',
  label: 'Event Loop Utilization',
  description: 'Share of the last period in which the event loop was not idle',
  category: ['Node.js', 'Event Loop'],
  thread: true,
  settings: { ...OFF, period: '1000 ms' },
  fields: [
    { name: 'utilization', type: 'float', label: 'Utilization', content: 'percentage' },
    nanos('active', 'Active'),
    nanos('idle', 'Idle'),
  ],
} as const satisfies EventDeclaration;

export const Resources = {
  name: 'node.Resources',
  label: 'Active Resources',
  description: 'What keeps the event loop of a thread alive, by kind',
  category: ['Node.js', 'Event Loop'],
  thread: true,
  settings: { ...OFF, period: '5 s' },
  fields: [text('kind', 'Kind'), long('count', 'Count')],
} as const satisfies EventDeclaration;

export const Promises = {
  name: 'node.Promises',
  label: 'Promises',
  description: 'Promises of a thread in the last period',
  category: ['Node.js', 'Event Loop'],
  thread: true,
  settings: { ...OFF, period: '1000 ms' },
  fields: [
    long('created', 'Created'),
    long('settled', 'Settled'),
    {
      ...long('pending', 'Pending'),
      description:
        'Created since the source began and not settled, also what nobody holds any more',
    },
  ],
} as const satisfies EventDeclaration;

export const HeapSpace = {
  name: 'node.HeapSpace',
  label: 'Heap Space',
  category: ['Node.js', 'Heap'],
  thread: true,
  settings: { ...OFF, period: '10 s' },
  fields: [
    text('space', 'Space'),
    bytes('size', 'Size'),
    bytes('used', 'Used'),
    bytes('available', 'Available'),
  ],
} as const satisfies EventDeclaration;

export const HttpServerRequest = {
  name: 'node.HttpServerRequest',
  label: 'HTTP Server Request',
  category: ['Node.js', 'HTTP'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [
    text('method', 'Method'),
    text('path', 'Path'),
    { name: 'status', type: 'int', label: 'Status' },
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const HttpClientRequest = {
  name: 'node.HttpClientRequest',
  label: 'HTTP Client Request',
  category: ['Node.js', 'HTTP'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [
    text('method', 'Method'),
    text('host', 'Host'),
    text('path', 'Path'),
    { name: 'status', type: 'int', label: 'Status', description: '0: no answer' },
    text('error', 'Error'),
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const DnsLookup = {
  name: 'node.DnsLookup',
  label: 'DNS Lookup',
  category: ['Node.js', 'Network'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [
    text('host', 'Host'),
    text('address', 'Address'),
    text('error', 'Error'),
    asyncContextField,
  ],
} as const satisfies EventDeclaration;

export const ModuleLoad = {
  name: 'node.ModuleLoad',
  label: 'Module Load',
  category: ['Node.js', 'Modules'],
  duration: true,
  thread: true,
  settings: OFF,
  fields: [text('module', 'Module'), text('parent', 'Parent'), asyncContextField],
} as const satisfies EventDeclaration;
