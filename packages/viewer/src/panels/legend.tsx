// SPDX-License-Identifier: Apache-2.0
// What the colours mean, for the way of colouring in use.
import { OWNER_CLASSES } from '@rekindle/memory';
import type { JSX } from 'preact';
import { nanos } from '../model/format.ts';
import * as state from '../model/page-state.ts';
import { comparisonColours, NOBODY, stateColour } from '../model/palette.ts';
import { type RunView, SERVICE_RANGE } from '../model/run-view.ts';

const { USED, SELECTED, SHARED, LOADED, PREFETCHED, NEW } = state;
const MINE = USED | SELECTED;

const STATES: readonly (readonly [string, number])[] = [
  ['unused', 0],
  ['used', USED],
  ['selected', MINE],
  ['selected, shared', MINE | SHARED],
  ['loaded', USED | LOADED],
  ['loaded, selected', MINE | LOADED],
  ['prefetched', USED | PREFETCHED],
  ['prefetched, selected', MINE | PREFETCHED],
  ['new', LOADED | NEW],
];

/** @param others runs beside the one in front */
export function Legend(props: { view: RunView; others: readonly RunView[] }): JSX.Element {
  const { theme, colouring, run } = props.view;
  const prefetched = [run, ...props.others.map((other) => other.run)].some(
    ({ prefetches }) => prefetches.rows > 0,
  );
  if (colouring === 'state') {
    const shown = STATES.filter(([, bits]) => (bits & PREFETCHED) === 0 || prefetched);
    return (
      <ul class="legend" data-testid="legend">
        {shown.map(([label, bits]) => (
          <Swatch key={label} label={label} colour={stateColour(bits, theme)} />
        ))}
      </ul>
    );
  }
  if (colouring === 'compare') {
    const [here, there, both] = comparisonColours(theme);
    return (
      <ul class="legend" data-testid="legend">
        <Swatch label="only in this run" colour={here} />
        <Swatch label="only in the other" colour={there} />
        <Swatch label="in both" colour={both} />
        <li class="note">this run up to the playhead, the other at its end</li>
      </ul>
    );
  }
  if (colouring === 'owner') {
    return (
      <ul class="legend" data-testid="legend">
        {OWNER_CLASSES.slice(0, NOBODY).map((label, i) => (
          <Swatch key={label} label={label} colour={theme.classes[i] as string} />
        ))}
        <Swatch label="new" colour={theme.fresh} />
        <li class="note">pale: not in yet</li>
      </ul>
    );
  }
  const gradient = `linear-gradient(90deg, ${theme.ramp.join(', ')})`;
  const [low, high] = SERVICE_RANGE;
  return (
    <ul class="legend" data-testid="legend">
      <li>{colouring === 'order' ? 'first' : `≤ ${nanos(low)}`}</li>
      <li class="ramp" style={{ background: gradient }} />
      <li>{colouring === 'order' ? 'last' : `≥ ${nanos(high)}`}</li>
      <li class="note">{colouring === 'order' ? 'in order of coming in' : 'time to serve'}</li>
    </ul>
  );
}

function Swatch({ label, colour }: { label: string; colour: string }): JSX.Element {
  return (
    <li>
      <i style={{ background: colour }} />
      {label}
    </li>
  );
}
