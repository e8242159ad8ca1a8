// SPDX-License-Identifier: Apache-2.0
// HTTP requests, through the channels that node:http publishes on.
import { executionAsyncId } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { now } from '../clock.ts';
import { HttpClientRequest, HttpServerRequest } from '../node-events.ts';
import type { Source } from './source.ts';

type Listener = (message: unknown, name: string | symbol) => void;

/** Subscribes to channels; the answer takes it all back. */
function listen(listeners: Readonly<Record<string, Listener>>): () => void {
  for (const [channel, listener] of Object.entries(listeners)) subscribe(channel, listener);
  return () => {
    for (const [channel, listener] of Object.entries(listeners)) unsubscribe(channel, listener);
  };
}

/** A path without its query, which is where secrets travel. */
function pathOf(url: string | undefined): string {
  return (url ?? '').split('?', 1)[0]!;
}

export const httpServer: Source = {
  name: 'http-server',
  events: [HttpServerRequest],
  cost: 'about 1 µs a request',
  start(context) {
    const handle = context.handle(HttpServerRequest);
    const pending = new WeakMap<object, { start: number; asyncId: number }>();
    return listen({
      'http.server.request.start': (message) => {
        const { request } = message as { request: IncomingMessage };
        pending.set(request, { start: now(), asyncId: executionAsyncId() });
      },
      'http.server.response.finish': (message) => {
        const { request, response } = message as {
          request: IncomingMessage;
          response: ServerResponse;
        };
        const known = pending.get(request);
        if (known === undefined) return;
        const { method = '', url } = request;
        const { start, asyncId } = known;
        handle.commit(start, now() - start, method, pathOf(url), response.statusCode, asyncId);
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
    const pending = new WeakMap<object, number>();
    const finish = (request: ClientRequest, status: number, error: string | null): void => {
      const start = pending.get(request);
      if (start === undefined) return;
      pending.delete(request);
      const { method, host, path } = request;
      handle.commit(start, now() - start, method, host, pathOf(path), status, error);
    };
    return listen({
      'http.client.request.start': (message) => {
        const { request } = message as { request: ClientRequest };
        pending.set(request, now());
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
