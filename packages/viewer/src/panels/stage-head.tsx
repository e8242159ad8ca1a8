// SPDX-License-Identifier: Apache-2.0
// Above each of two grids side by side: which run it is, how far it is, and whether it has answered.
import { PAGE_BYTES } from '@rekindle/memory';
import type { JSX } from 'preact';
import { bytes, faultCount, nanos } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';

export function StageHead({ view }: { view: RunView }): JSX.Element {
  const { run, states, playback, firstResponse, axis } = view;
  const { copied, zeroed, prefetched, faults } = states.totals;
  const reached =
    axis.name === 'time' ? playback.position : (view.log.ticks[states.applied - 1] ?? 0);
  const answered = firstResponse !== undefined && reached >= firstResponse;
  return (
    <div class={`stage-head${answered ? ' answered' : ''}`}>
      <span class="file">{run.name}</span>
      <span class="spring" />
      <span>{faultCount(faults)}</span>
      <span>{bytes((copied + zeroed + prefetched) * PAGE_BYTES)}</span>
      <b>{answered ? `answered after ${nanos(firstResponse)}` : 'no answer yet'}</b>
    </div>
  );
}
