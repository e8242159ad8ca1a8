// SPDX-License-Identifier: Apache-2.0
// The recorder thread. It has no event loop to speak of: it sleeps on the wake word of the arena, so
// that requests, full buffers and the clock all reach it, whatever the application's threads are doing.
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Arena, WORD } from './arena.ts';
import { Bell } from './bell.ts';
import { RecorderError } from './error.ts';
import { reason } from './file-sink.ts';
import type { ProcessFacts } from './process-facts.ts';
import type { Answer, Envelope, Introduction } from './protocol.ts';
import { Service } from './service.ts';
import { osThreadId } from './thread.ts';

export interface WorkerInput {
  readonly arena: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly directory: string;
  readonly facts: ProcessFacts;
  readonly maxChunkSize: number;
  readonly preserveRepository: boolean;
}

function run(input: WorkerInput): void {
  const arena = new Arena(input.arena);
  const { words } = arena;
  const { port } = input;
  const ports = [port];
  const bell = new Bell();
  let [settings, handOver] = [0, 0];
  const service = new Service(arena, {
    directory: input.directory,
    facts: input.facts,
    maxChunkSize: input.maxChunkSize,
    preserveRepository: input.preserveRepository,
    key: Atomics.add(words, WORD.threadKey, 1) + 1,
    osThread: osThreadId(),
    tell: (notice) => port.postMessage(notice),
  });
  Atomics.store(words, WORD.alive, 1);
  Atomics.notify(words, WORD.alive);
  for (;;) {
    const seen = Atomics.load(words, WORD.wake);
    for (const from of [...ports]) {
      for (
        let message = receiveMessageOnPort(from);
        message !== undefined;
        message = receiveMessageOnPort(from)
      ) {
        const content = message.message as Envelope | Introduction;
        if ('connect' in content) ports.push(content.connect);
        else service.submit(content, () => answer(service, from, words, content));
      }
    }
    const pause = service.work();
    if (words[WORD.settings] !== settings || words[WORD.handOver] !== handOver) {
      [settings, handOver] = [words[WORD.settings]!, words[WORD.handOver]!];
      bell.ring();
    }
    if (pause > 0) Atomics.wait(words, WORD.wake, seen, pause);
  }
}

function answer(
  service: Service,
  port: MessagePort,
  words: Int32Array<SharedArrayBuffer>,
  { serial, request }: Envelope,
): void {
  let reply: Answer;
  try {
    reply = { serial, value: service.handle(request) };
  } catch (error) {
    const known = error instanceof RecorderError ? error : undefined;
    reply = {
      serial,
      error: { code: known?.code ?? 'RECORDER_IO', message: reason(error), hint: known?.hint },
    };
  }
  port.postMessage(reply);
  Atomics.add(words, WORD.reply, 1);
  Atomics.notify(words, WORD.reply);
}

run(workerData as WorkerInput);
