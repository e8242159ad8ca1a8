// SPDX-License-Identifier: Apache-2.0
// The scrub bar: a slider whose track is the timeline.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { TimelineCanvas } from '../draw/timeline-canvas.ts';
import { count, nanos } from '../model/format.ts';
import { type Lanes, lanes, membership } from '../model/lanes.ts';
import type { RunView } from '../model/run-view.ts';
import type { Session } from '../session.ts';

/** CSS pixels per slice of the density. */
const SLICE_PIXELS = 3;

export function Timeline({ session }: { session: Session }): JSX.Element {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = element.current;
    if (canvas === null) return;
    const drawing = new TimelineCanvas(canvas);
    const known = new LanesCache();
    let hovered: number | undefined;
    const draw = () => {
      const view = session.view;
      if (view === undefined) return;
      const { run, axis, playback, firstResponse } = view;
      const slices = Math.max(1, Math.floor(drawing.width / SLICE_PIXELS));
      const state = { run, axis, lanes: known.of(view, slices), firstResponse, hovered };
      drawing.draw({ ...state, position: playback.position }, view.theme);
    };
    const seek = (event: PointerEvent) => {
      const view = session.view;
      if (view === undefined) return;
      view.playback.seek(drawing.positionAt(event.offsetX, view.axis));
      view.follow();
      session.changed();
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      session.view?.playback.pause();
      seek(event);
    };
    canvas.onpointermove = (event) => {
      if (session.view !== undefined) {
        hovered = drawing.positionAt(event.offsetX, session.view.axis);
      }
      if (event.buttons === 1) seek(event);
      else session.redraw();
    };
    canvas.onpointerleave = () => {
      hovered = undefined;
      session.redraw();
    };
    const stop = session.onFrame(draw);
    const sizes = new ResizeObserver(() => {
      drawing.resize();
      draw();
    });
    sizes.observe(canvas);
    return () => {
      stop();
      sizes.disconnect();
    };
  }, [session]);
  const view = session.view;
  return (
    <canvas
      ref={element}
      class="timeline"
      data-testid="timeline"
      tabIndex={0}
      role="slider"
      aria-label="Playhead"
      aria-valuemin={0}
      aria-valuemax={view?.axis.length ?? 0}
      aria-valuenow={Math.round(view?.playback.position ?? 0)}
      aria-valuetext={view === undefined ? '' : tip(view, view.playback.position)}
    />
  );
}

function tip(view: RunView, position: number): string {
  const events = view.axis.countAt(position);
  const at = view.axis.name === 'time' ? nanos(position) : `event ${count(position)}`;
  return `${at}: ${count(events)} of ${count(view.log.length)} events`;
}

/** The lanes change with selection, axis and width only. */
class LanesCache {
  #key = '';
  #lanes: Lanes | undefined;
  #view: RunView | undefined;

  of(view: RunView, slices: number): Lanes {
    const key = `${view.axis.name} ${slices} ${[...view.selection].join()}`;
    if (this.#lanes === undefined || this.#view !== view || this.#key !== key) {
      const durations = view.run.faults.columns.duration.values;
      const isSelected = membership(view.graph, view.selection);
      this.#lanes = lanes(view.log, view.axis, durations, isSelected, slices);
      this.#view = view;
      this.#key = key;
    }
    return this.#lanes;
  }
}
