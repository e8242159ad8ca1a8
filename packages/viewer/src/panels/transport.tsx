// SPDX-License-Identifier: Apache-2.0
// Play, pause, rewind, to the end; how fast; along which axis.
import type { JSX } from 'preact';
import { count, nanos } from '../model/format.ts';
import { SPEEDS } from '../model/playback.ts';
import type { RunView } from '../model/run-view.ts';
import type { Session } from '../session.ts';

export function Transport({ session, view }: { session: Session; view: RunView }): JSX.Element {
  const { playback, axis, log, run } = view;
  const go = (action: () => void) => () => {
    action();
    view.follow();
    session.changed();
  };
  const applied = view.states.applied;
  return (
    <div class="transport">
      <div class="buttons">
        <Button label="Rewind" hint="Home" onClick={go(() => playback.seek(0))}>
          <path d="M3 2.5h1.6v11H3zM13 2.5v11L5.6 8z" />
        </Button>
        <Button label="Back one event" hint="←" onClick={go(() => view.seekEvent(applied - 2))}>
          <path d="M11 2.5v11L4.2 8z" />
        </Button>
        <button
          type="button"
          class="play"
          title={`${playback.playing ? 'Pause' : 'Play'} (Space)`}
          aria-label={playback.playing ? 'Pause' : 'Play'}
          data-testid="play"
          onClick={go(() => playback.toggle())}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            {playback.playing ? (
              <path d="M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" />
            ) : (
              <path d="M4 2v12l9.5-6z" />
            )}
          </svg>
        </button>
        <Button label="On one event" hint="→" onClick={go(() => view.seekEvent(applied))}>
          <path d="M5 2.5v11L11.8 8z" />
        </Button>
        <Button label="To the end" hint="End" onClick={go(() => playback.seek(axis.length))}>
          <path d="M11.4 2.5H13v11h-1.6zM3 2.5v11L10.4 8z" />
        </Button>
      </div>
      <div class="clock" data-testid="clock">
        <b>{axis.name === 'time' ? nanos(playback.position) : count(applied)}</b>
        <small>
          {axis.name === 'time' ? ` of ${nanos(axis.length)}` : ` of ${count(log.length)} events`}
        </small>
        {axis.name === 'time' && <small class="second">event {count(applied)}</small>}
      </div>
      <div class="options">
        {run.timed && (
          <Choice
            label="Axis"
            options={['time', 'order']}
            chosen={axis.name}
            choose={(name) => {
              view.setAxis(name as 'time' | 'order');
              session.changed();
            }}
          />
        )}
        <label title="Seconds that the whole run takes to play">
          play in
          <select
            value={String(playback.seconds)}
            onChange={(event) => {
              playback.seconds = Number(event.currentTarget.value);
              session.changed();
            }}
          >
            {SPEEDS.map((seconds) => (
              <option key={seconds} value={String(seconds)}>
                {seconds} s
              </option>
            ))}
          </select>
        </label>
        {axis.name === 'time' && <small class="slowdown">{slowdown(playback.slowdown)}</small>}
      </div>
    </div>
  );
}

function slowdown(factor: number): string {
  if (factor >= 1) return `${factor.toFixed(factor < 10 ? 1 : 0)}× slower`;
  return `${(1 / factor).toFixed(1)}× faster`;
}

function Button(props: {
  label: string;
  hint: string;
  onClick: () => void;
  children: JSX.Element;
}): JSX.Element {
  return (
    <button
      type="button"
      title={`${props.label} (${props.hint})`}
      aria-label={props.label}
      onClick={props.onClick}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {props.children}
      </svg>
    </button>
  );
}

/** A few exclusive options side by side. */
export function Choice(props: {
  label: string;
  options: readonly string[];
  chosen: string;
  choose: (option: string) => void;
}): JSX.Element {
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      {props.options.map((option) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === props.chosen}
          onClick={() => props.choose(option)}
        >
          {option}
        </button>
      ))}
    </fieldset>
  );
}
