// SPDX-License-Identifier: Apache-2.0
// What a Node.js user would pick instead of a flight recorder, as fast as each can be set up: OpenTelemetry
// batches its spans (and nobody sends them on: that would cost more), pino writes in blocks.
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';

const FILE = `${process.env.REPOSITORY ?? '/tmp'}/peer-${process.pid}.log`;

function tracer() {
  const exporter = { export: (_, done) => done({ code: 0 }), shutdown: () => Promise.resolve() };
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 65_536 });
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
  return trace.getTracer('bench');
}

function logger() {
  return pino({}, pino.destination({ dest: FILE, sync: false, minLength: 8192 }));
}

/** A span for each request. */
export function toTracer() {
  const spans = tracer();
  return ({ method, url }) => {
    const span = spans.startSpan('request', { attributes: { method, path: url } });
    return ({ statusCode }) => {
      span.setAttribute('status', statusCode);
      span.end();
    };
  };
}

/** A line for each request. */
export function toLogger() {
  const log = logger();
  return ({ method, url }) => {
    const start = performance.now();
    return ({ statusCode }) =>
      log.info({ method, path: url, status: statusCode, duration: performance.now() - start });
  };
}

/** A loop over events of five fields, each with its start and duration. */
export const EVENTS = {
  opentelemetry() {
    const spans = tracer();
    return (i) => {
      const span = spans.startSpan('five');
      span.setAttributes({ address: i * 4096, size: 4096, thread: 12345, write: (i & 1) === 0, region: 1 });
      span.end();
    };
  },
  pino() {
    const log = logger();
    return (i) => {
      const start = performance.now();
      const duration = performance.now() - start;
      log.info({ start, duration, address: i * 4096, size: 4096, thread: 12345, write: (i & 1) === 0, region: 1 });
    };
  },
  /** With `--trace-event-categories=node.perf.usertiming`, where each measure is a trace event. */
  trace() {
    return (i) => {
      const start = performance.now();
      const detail = { address: i * 4096, size: 4096, thread: 12345, write: (i & 1) === 0, region: 1 };
      performance.measure('five', { start, end: performance.now(), detail });
      // the timeline of the process would keep them all
      if ((i & 255) === 0) performance.clearMeasures();
    };
  },
};
