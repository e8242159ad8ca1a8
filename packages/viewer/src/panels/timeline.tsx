// SPDX-License-Identifier: Apache-2.0
// The scrub bar: a slider whose track is the timeline. The wheel zooms, with Shift it moves, and a double
// click shows all again.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { TimelineCanvas } from '../draw/timeline-canvas.ts';
import { count, nanos } from '../model/format.ts';
import { type Lanes, lanes, membership } from '../model/lanes.ts';
import type { RunView } from '../model/run-view.ts';
import { panSpan, spanWith, zoomSpan } from '../model/span.ts';
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
      if (playback.playing) view.span = spanWith(view.span, playback.position, axis.length);
      const slices = Math.max(1, Math.floor(drawing.width / SLICE_PIXELS));
      const lanes = known.of(view, slices);
      const state = { run, axis, lanes, span: view.span, firstResponse, hovered };
      drawing.draw({ ...state, position: playback.position }, view.theme);
    };
    const seek = (event: PointerEvent) => {
      const view = session.view;
      if (view === undefined) return;
      view.playback.seek(drawing.positionAt(event.offsetX, view.span));
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
        hovered = drawing.positionAt(event.offsetX, session.view.span);
      }
      if (event.buttons === 1) seek(event);
      else session.redraw();
    };
    canvas.onpointerleave = () => {
      hovered = undefined;
      session.redraw();
    };
    const onWheel = (event: WheelEvent) => {
      const view = session.view;
      if (view === undefined) return;
      event.preventDefault();
      const { axis, span } = view;
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (sideways === 0) {
        const around = drawing.positionAt(event.offsetX, span);
        view.span = zoomSpan(span, 1.2 ** (event.deltaY / 60), around, axis.length);
      } else {
        view.span = panSpan(span, (sideways / drawing.width) * (span.to - span.from), axis.length);
      }
      session.redraw();
    };
    canvas.addEventListener('wheel', onWheel, { passive: false });
    canvas.ondblclick = () => {
      if (session.view === undefined) return;
      session.view.span = { from: 0, to: session.view.axis.length };
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

/** The lanes change with selection, axis, span and width only. */
class LanesCache {
  #key = '';
  #lanes: Lanes | undefined;
  #view: RunView | undefined;

  of(view: RunView, slices: number): Lanes {
    const { axis, span, selection } = view;
    const key = `${axis.name} ${slices} ${span.from} ${span.to} ${[...selection].join()}`;
    if (this.#lanes === undefined || this.#view !== view || this.#key !== key) {
      const durations = view.run.faults.columns.duration.values;
      const isSelected = membership(view.graph, selection);
      this.#lanes = lanes({ log: view.log, axis, durations, isSelected, slices, span });
      this.#view = view;
      this.#key = key;
    }
    return this.#lanes;
  }
}
