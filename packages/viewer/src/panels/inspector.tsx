// SPDX-License-Identifier: Apache-2.0
// Everything that is known of the page under the pointer.
import { type FrameOwner, PAGE_BYTES, type PageUse } from '@rekindle/memory';
import type { JSX } from 'preact';
import { address, count, nanos } from '../model/format.ts';
import { addressOfCell } from '../model/grid.ts';
import type { RunView } from '../model/run-view.ts';

const ACTIONS = ['copied', 'zeroed', 'raced'];
const MOST_USES = 6;
const MOST_METHODS = 3;

export function Inspector({ view, cell }: { view: RunView; cell: number }): JSX.Element {
  const slot = view.grid.cells[cell] ?? -2;
  if (slot === -2) {
    return (
      <section class="inspector idle" data-testid="inspector">
        <p>Point at a page to see whose it is and when it came in. Click selects its owner.</p>
      </section>
    );
  }
  const at = addressOfCell(view.grid, cell, PAGE_BYTES) ?? 0;
  if (slot < 0) {
    return (
      <section class="inspector" data-testid="inspector">
        <h3>{address(at, 12)}</h3>
        <p>No page in memory at this virtual address.</p>
      </section>
    );
  }
  const guestPhysical = view.run.ram.addressOf(slot);
  const owner = view.run.memory?.ownership.at(guestPhysical);
  return (
    <section class="inspector" data-testid="inspector">
      <h3>
        {address(guestPhysical)}
        {owner !== undefined && <small>{owner.class}</small>}
      </h3>
      <p class="event">{eventOf(view, slot)}</p>
      {owner !== undefined && <Owners owner={owner} />}
    </section>
  );
}

function Owners({ owner }: { owner: FrameOwner }): JSX.Element {
  const { uses, kind, name } = owner;
  return (
    <ul>
      {uses.slice(0, MOST_USES).map((use) => (
        <li key={`${use.process.pid} ${use.virtual}`}>
          <Use use={use} />
        </li>
      ))}
      {uses.length > MOST_USES && <li>and {uses.length - MOST_USES} more</li>}
      {kind !== undefined && kind !== 'free' && kind !== 'anon' && (
        <li>
          <b>{kind}</b> {name}
        </li>
      )}
      {uses.length === 0 && (kind === undefined || kind === 'free') && (
        <li>nobody's when the snapshot was taken</li>
      )}
    </ul>
  );
}

function Use({ use }: { use: PageUse }): JSX.Element {
  const { process, mapping, jvmArea, virtual, methods } = use;
  return (
    <>
      <b>{process.name}</b> <small>{process.pid}</small>
      {jvmArea !== undefined && <em> {jvmArea}</em>}
      {mapping !== undefined && mapping !== '' && <span> {mapping}</span>}
      <code> {address(virtual, 12)}</code>
      {methods.slice(0, MOST_METHODS).map((method) => (
        <span key={method} class="method">
          {method}
        </span>
      ))}
      {methods.length > MOST_METHODS && (
        <span class="method">and {methods.length - MOST_METHODS} methods more</span>
      )}
    </>
  );
}

function eventOf(view: RunView, slot: number): string {
  const index = view.states.event[slot]!;
  if (index < 0) {
    const later = view.atEnd.event[slot]!;
    if (later < 0) return 'never asked for in this run';
    return `comes in later: event ${count(later + 1)}${when(view, later)}`;
  }
  const { cause, row } = view.log;
  const of = row[index]!;
  const order = `event ${count(index + 1)} of ${count(view.log.length)}${when(view, index)}`;
  if (cause[index] === 1) {
    const { pages, duration } = view.run.prefetches.columns;
    const each = nanos(duration.values[of]!);
    return `prefetched, one of ${count(pages.values[of]!)} pages in ${each}; ${order}`;
  }
  const { action, write, duration, vcpuThread } = view.run.faults.columns;
  const how = ACTIONS[action.values[of]!] ?? 'brought in';
  const access = write.values[of] === 1 ? 'a write' : 'a read';
  const served = view.run.timed ? ` in ${nanos(duration.values[of]!)}` : '';
  const thread = vcpuThread.values[of]! > 0 ? ` by thread ${vcpuThread.values[of]}` : '';
  return `${how} on ${access}${thread}${served}; ${order}`;
}

function when(view: RunView, index: number): string {
  return view.run.timed ? `, ${nanos(view.log.ticks[index]!)} after the start` : '';
}
