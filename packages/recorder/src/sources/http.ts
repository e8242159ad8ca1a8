// SPDX-License-Identifier: Apache-2.0
// HTTP requests, through the channels that node:http publishes on.
import { executionAsyncId } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { now } from '../clock.ts';
import { HttpClientRequest, HttpServerRequest } from '../node-events.ts';
import type { Source } from './source.ts';

// On the request itself: a WeakMap would cost more than the rest together.
const START: unique symbol = Symbol('start of the request');
const ASYNC: unique symbol = Symbol('async context of the request');
type Marked<T> = T & { [START]?: number | undefined; [ASYNC]?: number };

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
    return listen({
      'http.server.request.start': (message) => {
        const { request } = message as { request: Marked<IncomingMessage> };
        request[START] = now();
        if (handle.tellsAsyncContext) request[ASYNC] = executionAsyncId();
      },
      'http.server.response.finish': (message) => {
        const { request, response } = message as {
          request: Marked<IncomingMessage>;
          response: ServerResponse;
        };
        const start = request[START];
        if (start === undefined) return;
        const duration = now() - start;
        if (!handle.shouldCommit(duration)) return;
        const { method = '', url } = request;
        const { statusCode } = response;
        // the context of the request, not the one in which its answer was finished
        handle.commitIn(request[ASYNC], start, duration, method, pathOf(url), statusCode);
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
