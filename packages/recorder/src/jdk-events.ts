// SPDX-License-Identifier: Apache-2.0
// Events under the JDK's names, laid out as JDK 25 writes them, so that JMC's pages and `jfr view` know
// them. What a Node.js process fills them with stands beside each source.
import type { EventDeclaration, FieldDeclaration } from '@rekindle/jfr';

const text = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'java.lang.String', label }) as const satisfies FieldDeclaration;
const long = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'long', label }) as const satisfies FieldDeclaration;
const count = <const N extends string>(name: N, label: string) =>
  ({ name, type: 'int', label, unsigned: true }) as const satisfies FieldDeclaration;

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
