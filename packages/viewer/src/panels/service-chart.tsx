// SPDX-License-Identifier: Apache-2.0
// Faults by the time it took to serve them, one chart for all runs: bars per bucket, both scales
// logarithmic in time, square root in count.
import { type Run, serviceTimes } from '@rekindle/analysis';
import type { JSX } from 'preact';
import { count, nanos } from '../model/format.ts';
import type { Theme } from '../model/theme.ts';

const WIDTH = 460;
const HEIGHT = 168;
const BASE = HEIGHT - 18;

export function ServiceChart(props: { runs: readonly Run[]; theme: Theme }): JSX.Element | null {
  const { runs, theme } = props;
  const answers = runs.map((run) => ({ run, columns: serviceTimes(run).columns }));
  const filled = answers.filter(({ columns }) => columns.faults.values.length > 0);
  if (filled.length === 0) return null;
  const low = Math.min(...filled.map(({ columns }) => columns.from.values[0]!));
  const high = Math.max(...filled.map(({ columns }) => columns.to.values.at(-1)!));
  const most = Math.max(...filled.flatMap(({ columns }) => [...columns.faults.values]));
  const x = (time: number) => (Math.log(time / low) / Math.log(high / low)) * WIDTH;
  const tall = (faults: number) => Math.sqrt(faults / most) * (BASE - 6);
  const colours = [theme.loadedSelected, theme.loaded, theme.prefetched, theme.fresh];
  return (
    <figure class="service-chart">
      <figcaption>
        Time to serve a fault
        {answers.map(({ run }, i) => (
          <span key={run.name}>
            <i style={{ background: colours[i % colours.length] as string }} />
            {run.name}
          </span>
        ))}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label="Faults by service time">
        {decades(low, high).map((time) => (
          <g key={time}>
            <line x1={x(time)} x2={x(time)} y1={0} y2={BASE} stroke={theme.line} />
            <text x={x(time)} y={HEIGHT - 4} fill={theme.faintText} text-anchor="middle">
              {nanos(time).replace('.00', '')}
            </text>
          </g>
        ))}
        {answers.map(({ run, columns }, i) =>
          [...columns.faults.values].map((faults, bucket) => {
            const [from, to] = [columns.from.values[bucket]!, columns.to.values[bucket]!];
            const width = Math.max(1, (x(to) - x(from)) / runs.length - 1);
            return (
              <rect
                key={`${run.name} ${from}`}
                x={x(from) + i * (width + 1)}
                y={BASE - tall(faults)}
                width={width}
                height={tall(faults)}
                fill={colours[i % colours.length] as string}
              >
                <title>{`${count(faults)} faults took ${nanos(from)} to ${nanos(to)}`}</title>
              </rect>
            );
          }),
        )}
        <line x1={0} x2={WIDTH} y1={BASE} y2={BASE} stroke={theme.line} />
      </svg>
    </figure>
  );
}

/** Powers of ten between two times. */
function decades(low: number, high: number): number[] {
  const found: number[] = [];
  for (let time = 10 ** Math.ceil(Math.log10(low)); time <= high; time *= 10) found.push(time);
  return found;
}
