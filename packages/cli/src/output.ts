// SPDX-License-Identifier: Apache-2.0
// What every command prints with: tables and JSON on stdout, progress and errors on stderr.
import { writeSync } from 'node:fs';
import { SYSTEM_HINTS } from './file-error.ts';

/** Prints rows under a head; columns of numbers (as strings) are aligned to the right by `right`. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): void {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const lines = [line(head), widths.map((width) => '-'.repeat(width)).join('  ')];
  for (const row of rows) lines.push(line(row));
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Writes bytes; done when they have left, so that nothing piles up and they may be changed then. */
export function writeOut(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/**
 * Writes a text that is all there is to print, without `process.stdout`: loading the streams behind that
 * takes 1.5 ms. As there, nobody reading any more is no error.
 */
export function writeWhole(text: string): void {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      // a pipe that someone has set not to block, and that is full
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_key, item) =>
    typeof item === 'bigint' ? item.toString() : item,
  );
  process.stdout.write(`${text}\n`);
}

/** A failure as `rekindle: what went wrong`, and under it what to do. Stacks only with REKINDLE_DEBUG. */
export function printError(error: unknown): void {
  const { message, code, ...told } = error as { message?: string; code?: unknown; hint?: string };
  const name = typeof code === 'string' ? ` [${code}]` : '';
  const hint = told.hint ?? (typeof code === 'string' ? SYSTEM_HINTS[code] : undefined);
  process.stderr.write(`rekindle: ${message ?? String(error)}${name}\n`);
  if (hint) process.stderr.write(`  ${hint}\n`);
  if (process.env.REKINDLE_DEBUG && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
}

/** Steps with times on stderr: one line each; on a terminal the running step counts its seconds. */
export class Progress {
  readonly #quiet: boolean;
  #label = '';
  #started = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(quiet = false) {
    this.#quiet = quiet;
  }

  start(label: string): void {
    this.#label = label;
    this.#started = performance.now();
    if (this.#quiet || !process.stderr.isTTY) return;
    this.#timer = setInterval(() => this.detail(''), 100);
    this.#timer.unref();
  }

  /** Shows what the running step is at; only a terminal sees it. */
  detail(text: string): void {
    if (this.#quiet || !process.stderr.isTTY) return;
    const line = `  ${this.#label} ${this.#seconds()}${text ? `  ${text}` : ''}`;
    process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns ?? 80)}`);
  }

  done(result = ''): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#quiet) return;
    const clear = process.stderr.isTTY ? '\r\x1b[K' : '';
    const time = this.#seconds().padStart(8);
    process.stderr.write(`${clear}  ${this.#label.padEnd(34)}${time}  ${result}`.trimEnd());
    process.stderr.write('\n');
  }

  /** Ends the running step without a result, so that an error can follow on a clean line. */
  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = undefined;
    if (!this.#quiet && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }

  #seconds(): string {
    const ms = performance.now() - this.#started;
    return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
  }
}

/** `1.2 MiB`; whole bytes below one KiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Milliseconds as `12.3 ms` or `1.23 s`. */
export function formatMillis(ms: number): string {
  return ms < 1000
    ? `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`
    : `${(ms / 1000).toFixed(2)} s`;
}
