// SPDX-License-Identifier: Apache-2.0
// Above the grid: which space, what the colours tell, how wide a row is, zoom, search.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { bytes } from '../model/format.ts';
import { COLOURINGS, type Colouring } from '../model/palette.ts';
import type { RunView, Space } from '../model/run-view.ts';
import { findPage } from '../model/search.ts';
import type { Session } from '../session.ts';
import { Choice } from './transport.tsx';

export function StageBar(props: { session: Session; view: RunView }): JSX.Element {
  const { session, view } = props;
  const change = (action: () => void) => {
    action();
    session.hovered = -1;
    session.changed();
  };
  const owner = view.spaceOwner === undefined ? '' : view.graph.owners[view.spaceOwner]!.name;
  return (
    <div class="stage-bar">
      <Choice
        label="What to show"
        options={['physical', 'virtual', 'report']}
        chosen={session.report ? 'report' : view.space}
        choose={(name) =>
          change(() => {
            session.report = name === 'report';
            if (name !== 'report') view.setSpace(name as Space);
          })
        }
      />
      {session.other !== undefined && !session.report && (
        <button
          type="button"
          aria-pressed={session.beside}
          title="Two runs beside each other, on one clock (B)"
          onClick={() => session.setBeside(!session.beside)}
        >
          side by side
        </button>
      )}
      {owner !== '' && !session.report && <span class="of">of {owner}</span>}
      {!session.report && <GridTools session={session} view={view} change={change} />}
    </div>
  );
}

function GridTools(props: {
  session: Session;
  view: RunView;
  change: (action: () => void) => void;
}): JSX.Element {
  const { session, view, change } = props;
  const { timed } = view.run;
  return (
    <>
      <Choice
        label="Colour by"
        options={COLOURINGS.filter(
          (name) => (timed || name !== 'service') && (view.comparable || name !== 'compare'),
        )}
        chosen={view.colouring}
        choose={(name) => change(() => view.setColouring(name as Colouring))}
      />
      <label title="Pages in a row">
        row
        <select
          value={String(view.columns)}
          onChange={(event) => change(() => view.setColumns(Number(event.currentTarget.value)))}
        >
          {view.rowWidths.map((width) => (
            <option key={width} value={String(width)}>
              {bytes(width * 4096).replace('.00', '')}
            </option>
          ))}
        </select>
      </label>
      <div class="buttons">
        <button
          type="button"
          title="Smaller (−)"
          onClick={() => change(() => session.stage?.zoom(-1))}
        >
          −
        </button>
        <button
          type="button"
          title="Show all (0)"
          onClick={() => change(() => session.stage?.fitAll())}
        >
          all
        </button>
        <button
          type="button"
          title="Fit the width (W)"
          onClick={() => change(() => session.stage?.fitWidth())}
        >
          width
        </button>
        <button
          type="button"
          title="Larger (+)"
          onClick={() => change(() => session.stage?.zoom(1))}
        >
          +
        </button>
      </div>
      <span class="spring" />
      <Search session={session} view={view} />
    </>
  );
}

function Search(props: { session: Session; view: RunView }): JSX.Element {
  const { session, view } = props;
  const [problem, setProblem] = useState('');
  const find = (text: string) => {
    const answer = findPage(view, text);
    setProblem(typeof answer === 'string' ? answer : '');
    session.found = typeof answer === 'string' ? -1 : answer.slot;
    if (typeof answer !== 'string') {
      const cell = view.grid.cellOf(answer.slot);
      session.hovered = cell;
      session.stage?.reveal(cell);
    }
    session.changed();
  };
  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        find(String(new FormData(event.currentTarget).get('address') ?? ''));
      }}
    >
      <input
        name="address"
        type="search"
        placeholder="0x… or frame"
        aria-label="Search for an address"
        spellcheck={false}
        autocomplete="off"
        {...(problem === '' ? {} : { 'aria-invalid': true, title: problem })}
        onInput={(event) => {
          if (event.currentTarget.value === '') find('');
        }}
      />
      {problem !== '' && <span class="problem">{problem}</span>}
    </form>
  );
}
