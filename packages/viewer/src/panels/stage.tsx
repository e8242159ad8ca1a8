// SPDX-License-Identifier: Apache-2.0
// The grid of pages with its pointer: hover tells, click selects the owner, drag pans, Ctrl and the
// wheel zoom.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { GridCanvas } from '../draw/grid-canvas.ts';
import type { Session } from '../session.ts';

const DRAG_PIXELS = 4;

/** @param index which of the opened runs */
export function Stage({ session, index }: { session: Session; index: number }): JSX.Element {
  const element = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = element.current;
    if (canvas === null) return;
    const drawing = new GridCanvas(canvas);
    if (index === session.active) session.stage = drawing;
    const stopDrawing = session.onFrame(() => drawStage(session, index, drawing));
    const stopPointing = pointAt(session, index, drawing);
    const sizes = new ResizeObserver(() => {
      drawing.resize();
      drawStage(session, index, drawing);
    });
    sizes.observe(canvas);
    return () => {
      stopDrawing();
      stopPointing();
      sizes.disconnect();
      if (session.stage === drawing) session.stage = undefined;
    };
  }, [session, index]);
  return (
    // biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the arrow keys itself
    <canvas
      ref={element}
      class="stage"
      data-testid="stage"
      tabIndex={0}
      role="application"
      aria-label="Pages of memory, one cell each. Arrow keys move the cursor, Enter selects the owner."
    />
  );
}

function drawStage(session: Session, index: number, drawing: GridCanvas): void {
  const view = session.views[index];
  if (view === undefined) return;
  drawing.show(view.pixels);
  const found = session.found < 0 ? -1 : view.grid.cellOf(session.found);
  // Beside each other both show where the pointer is, if a cell is the same page in both.
  const alike = index === session.pointedAt || (view.space === 'physical' && session.beside);
  const hovered = alike ? session.hovered : -1;
  drawing.draw(view.theme, view.repaint(), { hovered, found }, view.states.bytes);
}

function pointAt(session: Session, index: number, drawing: GridCanvas): () => void {
  const { canvas } = drawing;
  let drag: { x: number; y: number; moved: boolean } | undefined;
  const hover = (cell: number) => {
    if (cell === session.hovered && session.pointedAt === index) return;
    session.hovered = cell;
    session.pointedAt = index;
    session.changed();
  };
  const listeners: [string, (event: PointerEvent & WheelEvent & KeyboardEvent) => void][] = [
    [
      'pointerdown',
      (event) => {
        if (event.button !== 0) return;
        drag = { x: event.offsetX, y: event.offsetY, moved: false };
        canvas.setPointerCapture(event.pointerId);
      },
    ],
    [
      'pointermove',
      (event) => {
        const at = { x: event.offsetX, y: event.offsetY };
        if (drag !== undefined) {
          const far = Math.hypot(at.x - drag.x, at.y - drag.y) >= DRAG_PIXELS;
          if (drag.moved || far) {
            drawing.pan(at.x - drag.x, at.y - drag.y);
            drag = { ...at, moved: true };
            session.redraw();
            return;
          }
        }
        hover(drawing.cellAt(at));
      },
    ],
    [
      'pointerup',
      (event) => {
        const click = drag !== undefined && !drag.moved;
        drag = undefined;
        if (click) selectOwnerAt(session, drawing.cellAt({ x: event.offsetX, y: event.offsetY }));
      },
    ],
    ['keydown', (event) => moveCursor(session, drawing, event)],
    ['pointerleave', () => hover(-1)],
    [
      'wheel',
      (event) => {
        event.preventDefault();
        if (event.ctrlKey || event.metaKey) {
          const point = { x: event.offsetX, y: event.offsetY };
          drawing.zoom(event.deltaY < 0 ? 1 : -1, point);
        } else if (event.shiftKey) drawing.pan(-event.deltaY, 0);
        else drawing.pan(-event.deltaX, -event.deltaY);
        hover(drawing.cellAt({ x: event.offsetX, y: event.offsetY }));
        session.redraw();
      },
    ],
  ];
  for (const [name, listener] of listeners) {
    canvas.addEventListener(name, listener as EventListener, { passive: false });
  }
  return () => {
    for (const [name, listener] of listeners) {
      canvas.removeEventListener(name, listener as EventListener);
    }
  };
}

/** Arrow keys walk from page to page; with Shift, sixteen at a time. */
function moveCursor(session: Session, drawing: GridCanvas, event: KeyboardEvent): void {
  const grid = session.views[session.pointedAt]?.grid;
  if (grid === undefined) return;
  if (event.key === 'Enter') selectOwnerAt(session, session.hovered);
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -grid.columns,
    ArrowDown: grid.columns,
  };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const from = session.hovered < 0 ? drawing.cellInTheMiddle() : session.hovered;
  const to = session.hovered < 0 ? from : from + step * (event.shiftKey ? 16 : 1);
  if (to < 0 || to >= grid.cells.length) return;
  session.hovered = to;
  drawing.keepInView(to);
  session.changed();
}

/** A click on a page selects the process it belongs to; again, the finer owner there. */
function selectOwnerAt(session: Session, cell: number): void {
  const view = session.view;
  const slot = cell < 0 ? -1 : (view?.grid.cells[cell] ?? -1);
  if (view === undefined || slot < 0) return;
  const owners = [...view.graph.ownersOf(slot)].map((id) => view.graph.owners[id]!);
  const root = owners.find((owner) => owner.root === owner.id);
  if (root === undefined) return;
  const finer = owners.find((owner) => owner.root === root.id && owner.id !== root.id);
  const again = view.selection.has(root.id) && finer !== undefined;
  view.select([again ? finer.id : root.id]);
  session.changed();
}
