// SPDX-License-Identifier: Apache-2.0
// What has happened up to the playhead, beside what happens in all.
import { PAGE_BYTES } from '@rekindle/memory';
import type { JSX } from 'preact';
import { bytes, count, nanos } from '../model/format.ts';
import type { Totals as Counts } from '../model/page-states.ts';
import type { RunView } from '../model/run-view.ts';

export function Totals(props: { view: RunView; other: RunView | undefined }): JSX.Element {
  const { view, other } = props;
  const { run, states, atEnd, firstResponse } = view;
  const line = (label: string, of: (counts: Counts) => string, help: string) => {
    const whole = of(atEnd.totals);
    const beside = other === undefined ? '0' : of(other.atEnd.totals);
    return whole === '0' && beside === '0' ? null : (
      <tr title={help}>
        <th scope="row">{label}</th>
        <td>{of(states.totals)}</td>
        <td>{whole}</td>
        {other !== undefined && <td class="other">{beside}</td>}
      </tr>
    );
  };
  const loaded = (counts: Counts) =>
    bytes((counts.copied + counts.zeroed + counts.prefetched) * PAGE_BYTES);
  return (
    <table class="totals" data-testid="totals">
      <thead>
        <tr>
          <th />
          <th scope="col">at playhead</th>
          <th scope="col">whole run</th>
          {other !== undefined && (
            <th scope="col" class="other" title={other.run.name}>
              {other.run.name.replace(/\.jfr$/, '')}
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {line('page faults', (t) => count(t.faults), 'Times the guest waited for a page')}
        {line('copied', (t) => count(t.copied), 'Pages that faults copied from the memory file')}
        {line('zeroed', (t) => count(t.zeroed), 'Pages that faults filled with zeroes')}
        {line('prefetched', (t) => count(t.prefetched), 'Pages installed before anyone asked')}
        {line('new', (t) => count(t.fresh), 'Pages that nobody owned when the snapshot was taken')}
        {line('given back', (t) => count(t.removed), 'Pages that the guest gave back')}
        {line('brought in', loaded, 'Memory that came in, faulted and prefetched')}
        {run.timed && line('stalled', (t) => nanos(t.stalled), 'Time spent serving faults')}
        {firstResponse !== undefined && (
          <tr class="answer" title="End of the first probe that the service answered">
            <th scope="row">first response</th>
            <td />
            <td>{nanos(firstResponse)}</td>
            {other !== undefined && (
              <td class="other">
                {other.firstResponse === undefined ? '–' : nanos(other.firstResponse)}
              </td>
            )}
          </tr>
        )}
      </tbody>
    </table>
  );
}
