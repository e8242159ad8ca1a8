// SPDX-License-Identifier: Apache-2.0
import type { JSX } from 'preact';
import { bytes, percent } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import type { Session } from '../session.ts';
import { FileButton } from './open-screen.tsx';

export function Header(props: {
  session: Session;
  openFiles: (files: readonly File[]) => void;
  showHelp: () => void;
}): JSX.Element {
  const { session } = props;
  const { view, views } = session;
  return (
    <header>
      <h1>rekindle</h1>
      {view !== undefined && (
        <>
          {views.length === 1 ? (
            <span class="file">{view.run.name}</span>
          ) : (
            <select
              class="file"
              aria-label="Run"
              value={String(session.active)}
              onChange={(event) => session.activate(Number(event.currentTarget.value))}
            >
              {views.map((each, index) => (
                <option key={each.run.name} value={String(index)}>
                  {each.run.name}
                </option>
              ))}
            </select>
          )}
          <span class="facts">{facts(view)}</span>
        </>
      )}
      <span class="spring" />
      <FileButton openFiles={props.openFiles} />
      {view !== undefined && !session.report && (
        <>
          <button
            type="button"
            class="quiet"
            title="Save the picture of the grid (S)"
            onClick={() => void session.savePicture()}
          >
            Save
          </button>
          <button
            type="button"
            class="quiet"
            title="Save the restore as a moving picture, a GIF (A)"
            onClick={() => void session.saveAnimation()}
          >
            {session.animating === undefined ? 'Animate' : percent(session.animating, 1)}
          </button>
        </>
      )}
      <button
        type="button"
        class="quiet"
        title="Light or dark (T)"
        aria-label="Light or dark"
        onClick={() => session.setTheme(session.theme === 'dark' ? 'light' : 'dark')}
      >
        {session.theme === 'dark' ? '☀' : '☾'}
      </button>
      <button
        type="button"
        class="quiet"
        title="Keys (?)"
        aria-label="Keys"
        onClick={props.showHelp}
      >
        ?
      </button>
    </header>
  );
}

function facts(view: RunView): string {
  const { run } = view;
  const { engine, accelerator } = run.phases.columns;
  const on = engine.values.find((name) => name !== '');
  const by = accelerator.values.find((name) => name !== '');
  const ram = run.ram.ranges.reduce((sum, range) => sum + range.bytes, 0);
  const parts = [`${bytes(ram)} guest`];
  if (on !== undefined) parts.push(by === undefined ? on : `${on}, ${by}`);
  if (run.memory === undefined) parts.push('no memory capture: owners unknown');
  return parts.join(' · ');
}
