// SPDX-License-Identifier: Apache-2.0
// How a pager process talks to whoever started it: one JSON object per line on its standard output.
//   {"vm":1,"event":"listening",...} {"vm":1,"event":"connected",...} {"vm":1,"event":"resumable",...}
//   {"vm":1,"event":"done","summary":{...}}   or   {"vm":1,"event":"failed","code":"...","message":"...",...}
import { writeSync } from 'node:fs';
import { SystemError } from '@rekindle/linux';
import type { PagerNotice, PagerSummary } from './notices.ts';
import { PagerError } from './pager-error.ts';

export type PagerNews =
  | PagerNotice
  | { readonly event: 'done'; readonly summary: PagerSummary }
  | {
      readonly event: 'failed';
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    };

/** News of one VM, by the number that it was asked for with. */
export type PagerMessage = { readonly vm: number } & PagerNews;

/** Writes a message at once: the thread is about to block. A reader that has gone is not an error. */
export function writeMessage(message: PagerMessage): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

/** A failure as a message. */
export function failure(error: unknown): PagerNews {
  if (error instanceof PagerError || error instanceof SystemError) {
    return { event: 'failed', code: error.code, message: error.message, hint: error.hint };
  }
  const { message, stack } = error as Error;
  return { event: 'failed', code: 'FAULT_FAILED', message: stack ?? message, hint: '' };
}

/** Splits a stream of text into messages. */
export class MessageReader {
  #rest = '';

  push(text: string): PagerMessage[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as PagerMessage);
  }
}
