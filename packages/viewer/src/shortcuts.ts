// SPDX-License-Identifier: Apache-2.0
// The keyboard: one table of keys, the same wherever the focus is, except in fields and lists.
import { COLOURINGS } from './model/palette.ts';
import type { RunView } from './model/run-view.ts';
import type { Session } from './session.ts';

type Action = (view: RunView, shift: boolean) => void;

export function shortcuts(
  session: Session,
  toggleHelp: () => void,
): (event: KeyboardEvent) => void {
  const step = (view: RunView, shift: boolean, direction: 1 | -1) => {
    if (shift) view.playback.seek(view.playback.position + (direction * view.axis.length) / 100);
    else view.seekEvent(view.states.applied + (direction === 1 ? 0 : -2));
  };
  const keys: Readonly<Record<string, Action>> = {
    ' ': (view) => view.playback.toggle(),
    ArrowLeft: (view, shift) => step(view, shift, -1),
    ArrowRight: (view, shift) => step(view, shift, 1),
    Home: (view) => view.playback.seek(0),
    End: (view) => view.playback.seek(view.axis.length),
    '+': () => session.stage?.zoom(1),
    '=': () => session.stage?.zoom(1),
    '-': () => session.stage?.zoom(-1),
    '0': () => session.stage?.fitAll(),
    w: () => session.stage?.fitWidth(),
    v: (view) => {
      session.report = false;
      view.setSpace(view.space === 'physical' ? 'virtual' : 'physical');
    },
    b: () => session.setBeside(!session.beside),
    r: () => {
      session.report = !session.report;
    },
    s: () => void session.savePicture(),
    a: () => void session.saveAnimation(),
    t: () => session.setTheme(session.theme === 'dark' ? 'light' : 'dark'),
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    if (target.closest('input, select, dialog') !== null) return;
    // Buttons and list entries are pressed with the space bar; that is not "play".
    if (event.key === ' ' && target.closest('button, [role=treeitem]') !== null) return;
    if (event.key === '?') return toggleHelp();
    if (event.key === '/') {
      event.preventDefault();
      document.querySelector<HTMLInputElement>('.search input')?.focus();
      return;
    }
    const { view } = session;
    if (view === undefined) return;
    const named = COLOURINGS[Number(event.key) - 1];
    const colouring = named === 'compare' && !view.comparable ? undefined : named;
    const action = colouring === undefined ? keys[event.key] : () => view.setColouring(colouring);
    if (action === undefined) return;
    event.preventDefault();
    action(view, event.shiftKey);
    view.follow();
    session.changed();
  };
}
