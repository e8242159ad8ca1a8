// SPDX-License-Identifier: Apache-2.0
import { Command, InvalidArgumentError } from 'commander';
import { formatMillis, printJson, printTable } from '../output.ts';
import { type Comparison, compareRecordings, type Pair } from './compare.ts';
import { openInput } from './input.ts';

interface DiffFlags {
  readonly event?: string;
  readonly top: number;
  readonly json?: true;
}

function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('must be a positive integer.');
  return Number(text);
}

export function diffCommand(): Command {
  return new Command('diff')
    .description('Two recordings side by side: event counts, durations, hot methods')
    .argument('<a>', 'recording to compare with')
    .argument('<b>', 'the other recording')
    .option('--event <type>', 'event type whose stacks tell the hot methods')
    .option('--top <rows>', 'most rows of each table', positive, 20)
    .option('--json', 'everything, as JSON')
    .addHelpText('after', '\nExample:\n  rekindle jfr diff before.jfr after.jfr')
    .action(async (a: string, b: string, flags: DiffFlags) => {
      const first = await openInput(a);
      try {
        const second = await openInput(b);
        try {
          const comparison = await compareRecordings(
            [first.recording, second.recording],
            flags.event,
          );
          if (flags.json) printJson(comparison);
          else printComparison(comparison, flags.top);
        } finally {
          second.warnOfLosses();
          second.close();
        }
      } finally {
        first.warnOfLosses();
        first.close();
      }
    });
}

function printComparison(comparison: Comparison, top: number): void {
  const { durationNanos, events, durations, methods, stacksOf } = comparison;
  const [before, after] = durationNanos.map(millis);
  process.stdout.write(`A lasts ${before}, B ${after}\n\n`);
  const changed = events.filter(({ count, bytes }) => differs(count) || differs(bytes));
  if (changed.length === 0) process.stdout.write('the same events\n');
  else {
    printTable(
      ['Event type', 'A', 'B', 'B - A', 'Bytes A', 'Bytes B'],
      changed
        .slice(0, top)
        .map(({ name, count, bytes }) => [
          name,
          ...count.map(String),
          signed(count[1] - count[0]),
          ...bytes.map(String),
        ]),
      [1, 2, 3, 4, 5],
    );
    left(changed.length, top);
  }
  if (durations.length > 0) {
    process.stdout.write('\n');
    printTable(
      ['Duration', 'total A', 'B', 'mean A', 'B', 'p99 A', 'B', 'max A', 'B'],
      durations
        .slice(0, top)
        .map(({ name, count, total, mean, p99, max }) => [
          name,
          ...[total, mean, p99, max].flatMap((pair) =>
            pair.map((nanos, side) => (count[side] === 0 ? '-' : millis(nanos))),
          ),
        ]),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    left(durations.length, top);
  }
  if (methods.length > 0) {
    process.stdout.write(`\nHot methods by ${stacksOf}\n`);
    printTable(
      ['Method', 'A', 'B', 'share A', 'share B', 'B - A'],
      methods
        .slice(0, top)
        .map(({ method, samples, share }) => [
          method,
          ...samples.map(String),
          ...share.map((part) => `${(100 * part).toFixed(1)} %`),
          `${signed(Number((100 * (share[1] - share[0])).toFixed(1)))} %`,
        ]),
      [1, 2, 3, 4, 5],
    );
    left(methods.length, top);
  }
}

const differs = ([before, after]: Pair): boolean => before !== after;
const signed = (value: number): string => (value > 0 ? `+${value}` : String(value));

/** Microseconds where milliseconds would round too much away. */
function millis(nanos: number): string {
  return nanos > 0 && nanos < 1e6 ? `${(nanos / 1e3).toFixed(1)} µs` : formatMillis(nanos / 1e6);
}

function left(rows: number, top: number): void {
  if (rows > top) process.stdout.write(`and ${rows - top} more (--top ${rows} shows them)\n`);
}
