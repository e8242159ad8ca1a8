// SPDX-License-Identifier: Apache-2.0
// HTTP requests, through the channels that node:http publishes on.
import { executionAsyncId } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { now } from '../clock.ts';
import { HttpClientRequest, HttpServerRequest } from '../node-events.ts';
import type { Source } from './source.ts';

// On the request itself: a WeakMap would cost more than the rest together.
const START: unique symbol = Symbol('start of the request');
const ASYNC: unique symbol = Symbol('async context of the request');
type Marked<T> = T & { [START]?: number | undefined; [ASYNC]?: number };

// A server's requests are kept by their connection, which lives longer: a property that every request gets
// anew changes its hidden class under the eyes of all code that reads requests.
const UNANSWERED: unique symbol = Symbol('requests of the connection that are not answered');

interface Begun {
  request: IncomingMessage | undefined;
  start: number;
  context: number;
}

/** Requests of a connection that began. There is one at a time, unless the client does not wait. */
class Unanswered {
  /** The run of the source: what began before it, or was answered between two, is not known to it. */
  readonly run: object;
  // written anew rather than made anew; a field that holds a double from the first keeps it in place
  #first: Begun = { request: undefined, start: -0.5, context: 0 };
  readonly #later: Begun[] = [];

  constructor(run: object) {
    this.run = run;
  }

  begin(request: IncomingMessage, start: number, context: number): void {
    const first = this.#first;
    if (first.request !== undefined) {
      this.#later.push({ request, start, context });
      return;
    }
    first.request = request;
    first.start = start;
    first.context = context;
  }

  /** How a request began that is answered now; answers come in the order of the requests. */
  end(request: IncomingMessage): Begun | undefined {
    const first = this.#first;
    if (first.request !== request) return undefined;
    first.request = undefined;
    this.#first = this.#later.shift() ?? first;
    return first;
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket & { [UNANSWERED]?: Unanswered };
}

type Listener = (message: unknown, name: string | symbol) => void;

/** Subscribes to channels; the answer takes it all back. */
function listen(listeners: Readonly<Record<string, Listener>>): () => void {
  for (const [channel, listener] of Object.entries(listeners)) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of Object.entries(listeners)) unsubscribe(channel, listener);
  };
}

/** A path without its query, which is where secrets travel. */
function pathOf(url = ''): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

export const httpServer: Source = {
  name: 'http-server',
  events: [HttpServerRequest],
  cost: 'about 1 µs a request',
  start(context) {
    const handle = context.handle(HttpServerRequest);
    const run = {};
    return listen({
      'http.server.request.start': (message) => {
        const { request, socket } = message as Exchange;
        let unanswered = socket[UNANSWERED];
        if (unanswered?.run !== run) unanswered = socket[UNANSWERED] = new Unanswered(run);
        const context = handle.tellsAsyncContext ? executionAsyncId() : 0;
        unanswered.begin(request, now(), context);
      },
      'http.server.response.finish': (message) => {
        const { request, response, socket } = message as Exchange;
        const unanswered = socket[UNANSWERED];
        const began = unanswered?.run === run ? unanswered.end(request) : undefined;
        if (began === undefined) return;
        const duration = now() - began.start;
        if (!handle.shouldCommit(duration)) return;
        const { method = '', url } = request;
        // the context of the request, not the one in which its answer was finished
        const { start, context } = began;
        handle.commitIn(context, start, duration, method, pathOf(url), response.statusCode);
      },
    });
  },
};

export const httpClient: Source = {
  name: 'http-client',
  events: [HttpClientRequest],
  cost: 'about 1 µs a request',
  start(context) {
    const handle = context.handle(HttpClientRequest);
    const finish = (request: Marked<ClientRequest>, status: number, error: string | null): void => {
      const start = request[START];
      if (start === undefined) return;
      request[START] = undefined;
      const duration = now() - start;
      if (!handle.shouldCommit(duration)) return;
      const { method, host, path } = request;
      handle.commitIn(request[ASYNC], start, duration, method, host, pathOf(path), status, error);
    };
    return listen({
      'http.client.request.start': (message) => {
        const { request } = message as { request: Marked<ClientRequest> };
        request[START] = now();
        if (handle.tellsAsyncContext) request[ASYNC] = executionAsyncId();
        // the error has a channel of its own only from Node.js 22 on
        request.once('error', (error) => finish(request, 0, error.message));
      },
      'http.client.response.finish': (message) => {
        const { request, response } = message as {
          request: ClientRequest;
          response: IncomingMessage;
        };
        finish(request, response.statusCode ?? 0, null);
      },
    });
  },
};
