// SPDX-License-Identifier: Apache-2.0
// Tells, in JSON, which parts of Node.js the recorder has its hands on while a recording of everything runs,
// and which still when it is over.
import diagnostics from 'node:diagnostics_channel';
import dns from 'node:dns';
import fs from 'node:fs';
import Module from 'node:module';
import { Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { enableVmEvents, Recording } from '@rekindle/recorder';

const CHANNELS = [
  'http.server.request.start',
  'http.server.response.finish',
  'http.client.request.start',
  'http.client.response.finish',
];

const now = () => ({
  'fs.readFileSync': fs.readFileSync,
  'fs.promises.readFile': fs.promises.readFile,
  'dns.lookup': dns.lookup,
  'Module._load': Module._load,
  'Socket.push': Socket.prototype.push,
  'Atomics.wait': Atomics.wait,
  Error,
  ...Object.fromEntries(CHANNELS.map((name) => [name, diagnostics.channel(name).hasSubscribers])),
});

const before = now();
const touched = () =>
  Object.entries(now()).flatMap(([name, is]) => (is === before[name] ? [] : [name]));

enableVmEvents();
const recording = new Recording({
  configuration: 'profile',
  settings: { 'node.ModuleLoad#enabled': 'true', 'jdk.SocketRead#enabled': 'true' },
});
recording.start();
await after(300);
const during = touched();
recording.stop();
await after(500);
console.log(JSON.stringify({ during, afterwards: touched() }));
