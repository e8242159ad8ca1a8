// SPDX-License-Identifier: Apache-2.0
// The figures behind the picture: what each run cost, and whose pages it brought in.
import { ownersOfFaults, type Run, summarize } from '@rekindle/analysis';
import { OWNER_CLASSES } from '@rekindle/memory';
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { bytes, count, nanos } from '../model/format.ts';
import { NOBODY } from '../model/palette.ts';
import type { RunView } from '../model/run-view.ts';
import { ServiceChart } from './service-chart.tsx';

type Summary = ReturnType<typeof summarize>;

const FIGURES: readonly (readonly [string, (summary: Summary) => string])[] = [
  ['start to first response', (s) => orNone(s.firstResponse)],
  ['resume to first response', (s) => orNone(s.resumeToFirstResponse)],
  ['page faults', (s) => count(s.faults)],
  ['copied by faults', (s) => count(s.copied)],
  ['zeroed by faults', (s) => count(s.zeroed)],
  ['pages prefetched', (s) => count(s.prefetched)],
  ['read from the snapshot', (s) => bytes(s.bytesRead)],
  ['stalled by faults', (s) => nanos(s.stalled)],
  ['time to serve, median', (s) => nanos(s.servedMedian)],
  ['time to serve, 99th percentile', (s) => nanos(s.served99)],
];

function orNone(value: number): string {
  return value < 0 ? '–' : nanos(value);
}

export function Report({ views }: { views: readonly RunView[] }): JSX.Element {
  const runs = views.map(({ run }) => run);
  const answers = useMemo(() => runs.map(answersOf), [...runs]);
  const theme = views[0]?.theme;
  const most = Math.max(1, ...answers.flatMap(({ owners }) => [...owners.values()].map(pagesOf)));
  const isIn = (name: string) =>
    answers.some(({ owners }) => pagesOf(owners.get(name) ?? NOTHING) > 0);
  const named = OWNER_CLASSES.filter((name, i) => i < NOBODY || isIn(name)).filter((name) =>
    answers.some(({ owners }) => owners.has(name)),
  );
  return (
    <div class="report" data-testid="report">
      <div class="figures">
        <table>
          <thead>
            <tr>
              <th />
              {runs.map((run) => (
                <th key={run.name} scope="col">
                  {run.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {FIGURES.map(([label, show]) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {answers.map(({ summary }) => (
                  <td key={summary.name}>{show(summary)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {theme !== undefined && <ServiceChart runs={runs} theme={theme} />}
      </div>
      <h2>Whose pages came in</h2>
      <table class="owners">
        <thead>
          <tr>
            <th>owner</th>
            <th class="number">resident</th>
            {runs.map((run) => (
              <th key={run.name} scope="col" colSpan={3}>
                {run.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {named.map((name) => (
            <tr key={name}>
              <th scope="row">
                <i
                  style={{ background: theme?.classes[OWNER_CLASSES.indexOf(name)] ?? theme?.used }}
                />
                {name}
              </th>
              <td>{bytes((answers[0]?.owners.get(name)?.resident ?? 0) * 4096)}</td>
              {answers.map(({ summary, owners }) => (
                <OwnerCells key={summary.name} row={owners.get(name)} most={most} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        Bars: pages that faults brought in, and <span class="prefetched">pages prefetched</span>, on
        one scale. Times: how long the guest stood still for them.
      </p>
    </div>
  );
}

interface OwnerRow {
  readonly resident: number;
  readonly faults: number;
  readonly prefetched: number;
  readonly stalled: number;
}

const NOTHING: OwnerRow = { resident: 0, faults: 0, prefetched: 0, stalled: 0 };

function OwnerCells({ row, most }: { row: OwnerRow | undefined; most: number }): JSX.Element {
  const share = (pages: number) => ({ width: `${(pages / most) * 100}%` });
  if (row === undefined || pagesOf(row) === 0) return <td colSpan={3} />;
  return (
    <>
      <td class="bar">
        <span class="bars">
          <span class="faulted" style={share(row.faults)} />
          <span class="prefetched" style={share(row.prefetched)} />
        </span>
      </td>
      <td title={`${count(row.faults)} faulted, ${count(row.prefetched)} prefetched`}>
        {count(pagesOf(row))}
      </td>
      <td>{nanos(row.stalled)}</td>
    </>
  );
}

function pagesOf({ faults, prefetched }: OwnerRow): number {
  return faults + prefetched;
}

function answersOf(run: Run): { summary: Summary; owners: Map<string, OwnerRow> } {
  const { rows, columns } = ownersOfFaults(run);
  const owners = new Map<string, OwnerRow>();
  for (let row = 0; row < rows; row++) {
    owners.set(columns.owner.values[row]!, {
      resident: columns.resident.values[row]!,
      faults: columns.faults.values[row]!,
      prefetched: columns.prefetched.values[row]!,
      stalled: columns.stalled.values[row]!,
    });
  }
  return { summary: summarize(run), owners };
}
