// SPDX-License-Identifier: Apache-2.0
// How a pager process is told what to do: lines of JSON on a Unix socket that it inherits as descriptor 3, descriptors
// beside them (SCM_RIGHTS).
//
//   {"serve":1,"options":{...},"alone":true,"given":["custody","listener"]}     a VM that is still to come
//   {"serve":2,"options":{...},"takeover":{...},"given":["uffd","socket",...]}  one that another process served
//   {"stop":1}   install the rest of its memory and leave it     {"drop":2}   end it
//   {"last":true}   no other VM will come: end with those that are served
//
// The end of the socket says that whoever started the process has gone: its VMs are served on, none is waited for.
import { closeDescriptor, whenReadable } from '@rekindle/linux';
import type { Takeover } from './custody.ts';
import { lineChannel, sendLine } from './descriptor-lines.ts';
import { Given } from './given.ts';
import type { PagerOptions } from './options.ts';

/** A VM to serve. */
export interface ServeRequest {
  readonly serve: number;
  readonly options: PagerOptions;
  /** No other VM is served in this process: the thread may block. */
  readonly alone: boolean;
  /** Where another process served it before. */
  readonly takeover?: Takeover;
  /** What each descriptor is. */
  readonly given: readonly string[];
}

export type PagerRequest =
  | ServeRequest
  | { readonly stop: number }
  | { readonly drop: number }
  | { readonly last: true };

/** Sends a request with the descriptors that it names; the caller keeps its own copies of them. */
export function sendRequest(
  control: number,
  request: PagerRequest,
  descriptors: readonly number[] = [],
): void {
  sendLine(control, request, descriptors);
}

/** Takes requests on the event loop as they come. */
export class RequestReader {
  readonly #control: number;
  readonly #take: (request: PagerRequest, given: Given) => void;
  readonly #end: () => void;
  readonly #descriptors: number[] = [];
  #text = '';

  /** @param control a descriptor that does not block, owned by this object @param end nothing more will come */
  constructor(
    control: number,
    take: (request: PagerRequest, given: Given) => void,
    end: () => void,
  ) {
    this.#control = control;
    this.#take = take;
    this.#end = end;
    this.#read();
  }

  #read(): void {
    const receiver = lineChannel();
    for (;;) {
      const received = receiver.receive(this.#control);
      if (received === undefined) break;
      if (received.length === 0) {
        for (const descriptor of this.#descriptors.splice(0)) closeDescriptor(descriptor);
        closeDescriptor(this.#control);
        this.#end();
        return;
      }
      this.#descriptors.push(...received.descriptors);
      this.#text += Buffer.from(receiver.buffer.subarray(0, received.length)).toString();
      this.#takeLines();
    }
    whenReadable(this.#control, () => this.#read());
  }

  /** A line is complete after the descriptors that came with its first byte. */
  #takeLines(): void {
    const lines = this.#text.split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      const request = JSON.parse(line) as PagerRequest;
      const names = 'serve' in request ? request.given : [];
      this.#take(request, new Given(names.map((name) => [name, this.#descriptors.shift()!])));
    }
  }
}
