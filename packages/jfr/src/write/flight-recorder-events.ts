// SPDX-License-Identifier: Apache-2.0
// The events in which a recorder tells about itself, laid out as JDK 25 writes them: readers know them
// by name.

export const ActiveSetting = {
  name: 'jdk.ActiveSetting',
  label: 'Recording Setting',
  category: ['Flight Recorder'],
  settings: { enabled: 'true' },
  fields: [
    { name: 'id', type: 'long', label: 'Event Id' },
    { name: 'name', type: 'java.lang.String', label: 'Setting Name' },
    { name: 'value', type: 'java.lang.String', label: 'Setting Value' },
  ],
} as const;

export const ActiveRecording = {
  name: 'jdk.ActiveRecording',
  label: 'Flight Recording',
  category: ['Flight Recorder'],
  settings: { enabled: 'true' },
  fields: [
    { name: 'id', type: 'long', label: 'Id' },
    { name: 'name', type: 'java.lang.String', label: 'Name' },
    { name: 'destination', type: 'java.lang.String', label: 'Destination' },
    { name: 'disk', type: 'boolean', label: 'To Disk' },
    { name: 'maxAge', type: 'long', label: 'Max Age', content: 'timespan-millis' },
    { name: 'flushInterval', type: 'long', label: 'Flush Interval', content: 'timespan-millis' },
    { name: 'maxSize', type: 'long', label: 'Max Size', content: 'bytes' },
    {
      name: 'recordingStart',
      type: 'long',
      label: 'Start Time',
      content: 'timestamp-epoch-millis',
    },
    {
      name: 'recordingDuration',
      type: 'long',
      label: 'Recording Duration',
      content: 'timespan-millis',
    },
  ],
} as const;

export const DataLoss = {
  name: 'jdk.DataLoss',
  label: 'Data Loss',
  category: ['Flight Recorder'],
  settings: { enabled: 'true' },
  fields: [
    { name: 'amount', type: 'long', label: 'Amount', unsigned: true, content: 'bytes' },
    { name: 'total', type: 'long', label: 'Total', unsigned: true, content: 'bytes' },
  ],
} as const;

export const Flush = {
  name: 'jdk.Flush',
  label: 'Flush',
  category: ['Flight Recorder'],
  experimental: true,
  duration: true,
  settings: { enabled: 'true' },
  fields: [
    {
      name: 'flushId',
      type: 'long',
      label: 'Flush Identifier',
      unsigned: true,
      relation: 'jdk.types.FlushId',
    },
    { name: 'elements', type: 'long', label: 'Elements Written', unsigned: true },
    { name: 'size', type: 'long', label: 'Size Written', unsigned: true, content: 'bytes' },
  ],
} as const;

export const DumpReason = {
  name: 'jdk.DumpReason',
  label: 'Recording Reason',
  category: ['Flight Recorder'],
  settings: { enabled: 'true' },
  fields: [
    { name: 'reason', type: 'java.lang.String', label: 'Reason' },
    { name: 'recordingId', type: 'int', label: 'Recording Id' },
  ],
} as const;
