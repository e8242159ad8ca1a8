// SPDX-License-Identifier: Apache-2.0
// What the page shows right now: the opened runs, which of them is in front, where pointer and search
// are. Panels subscribe to it; the drawings are redrawn from it frame by frame.
import type { Run } from '@rekindle/analysis';
import { animate, save } from './draw/animation.ts';
import type { GridCanvas } from './draw/grid-canvas.ts';
import { follow } from './model/beside.ts';
import type { Problem } from './model/problem.ts';
import { RunView } from './model/run-view.ts';
import { DARK, LIGHT, type ThemeName } from './model/theme.ts';

/** Panels are brought up to date this often while a run plays; the drawings every frame. */
const PANEL_MILLISECONDS = 66;

export class Session {
  views: readonly RunView[] = [];
  active = 0;
  problem: Problem | undefined;
  /** What could not be read of what is shown. */
  warnings: readonly string[] = [];
  /** Share of a moving picture that is done, while one is made. */
  animating: number | undefined;
  /** Whether a second run is shown beside the one in front, and plays with it. */
  beside = false;
  /** Index of the run that the pointer is in. */
  pointedAt = 0;
  /** Whether the figures by owner are shown in place of the memory. */
  report = false;
  /** What is being opened, or undefined. */
  opening: string | undefined;
  /** Cell under the pointer, or -1. */
  hovered = -1;
  /** Slot that was searched for, or -1. */
  found = -1;
  theme: ThemeName;
  /** The drawing of the grid, once it is on the page. */
  stage: GridCanvas | undefined;
  readonly #panels = new Set<() => void>();
  readonly #drawings = new Set<() => void>();
  #frame = 0;
  #lastFrame = 0;
  #lastPanels = 0;

  constructor(theme: ThemeName) {
    this.theme = theme;
  }

  get view(): RunView | undefined {
    return this.views[this.active];
  }

  /** The run beside the one in front, to compare it with. */
  get other(): RunView | undefined {
    return this.views.find((_, index) => index !== this.active);
  }

  /** Calls back when a panel should render again. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.#panels.add(listener);
    return () => this.#panels.delete(listener);
  }

  /** Calls back before each frame. @returns how to stop that */
  onFrame(listener: () => void): () => void {
    this.#drawings.add(listener);
    return () => this.#drawings.delete(listener);
  }

  /** Says that something is being opened. */
  open(what: string): void {
    this.views = [];
    this.problem = undefined;
    this.opening = what;
    this.changed();
  }

  show(runs: readonly Run[], warnings: readonly string[] = []): void {
    this.warnings = warnings;
    this.report = false;
    this.beside = false;
    this.views = runs.map((run) => new RunView(run));
    for (const [index, view] of this.views.entries()) {
      view.setTheme(this.theme === 'dark' ? DARK : LIGHT);
      view.compareWith(this.views.find((_, other) => other !== index));
    }
    this.active = 0;
    this.pointedAt = 0;
    this.problem = undefined;
    this.opening = undefined;
    this.hovered = -1;
    this.found = -1;
    this.changed();
  }

  /** Brings another of the opened runs to the front. */
  activate(index: number): void {
    this.view?.playback.pause();
    this.active = Math.max(0, Math.min(index, this.views.length - 1));
    this.pointedAt = this.active;
    this.hovered = -1;
    this.found = -1;
    this.changed();
  }

  /** Shows two runs beside each other, the longer one in front: its playhead moves both. */
  setBeside(beside: boolean): void {
    const changes = this.beside !== (beside && this.views.length > 1);
    this.beside = beside && this.views.length > 1;
    this.report = false;
    // Half the width wants rows half as long.
    if (changes) for (const view of this.views) view.setColumns(view.columns * (beside ? 0.5 : 2));
    if (this.beside) {
      const longest = this.views.reduce((a, b) => (b.run.duration > a.run.duration ? b : a));
      const index = this.views.indexOf(longest);
      if (index !== this.active) this.activate(index);
    }
    this.changed();
  }

  /** Saves the grid as it is on the screen. */
  async savePicture(): Promise<void> {
    const { view, stage } = this;
    const picture = await stage?.picture();
    if (view !== undefined && picture) save(picture, `${baseName(view)}.png`);
  }

  /** Saves the run, or the runs side by side, as a moving picture. */
  async saveAnimation(): Promise<void> {
    const { view, other, beside } = this;
    if (view === undefined || this.animating !== undefined) return;
    const shown = beside && other !== undefined ? [view, other] : [view];
    this.animating = 0;
    const progress = (done: number) => {
      this.animating = done;
      this.changed();
    };
    try {
      save(await animate(shown, progress), `${shown.map(baseName).join('-')}.gif`);
    } finally {
      this.animating = undefined;
      this.changed();
    }
  }

  fail(problem: Problem): void {
    this.views = [];
    this.problem = problem;
    this.opening = undefined;
    this.changed();
  }

  setTheme(theme: ThemeName): void {
    this.theme = theme;
    for (const view of this.views) view.setTheme(theme === 'dark' ? DARK : LIGHT);
    this.changed();
  }

  /** Renders panels and drawings again. */
  changed(): void {
    this.#keepBeside();
    for (const listener of this.#panels) listener();
    this.redraw();
  }

  #keepBeside(): void {
    const { view, other, beside } = this;
    if (beside && view !== undefined && other !== undefined) follow(view, other);
  }

  /** Redraws with the next frame; plays on for as long as the run plays. */
  redraw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame((now) => this.#onFrame(now));
  }

  #onFrame(now: number): void {
    this.#frame = 0;
    const view = this.view;
    const elapsed = this.#lastFrame === 0 ? 0 : Math.min(now - this.#lastFrame, 250);
    const wasPlaying = view?.playback.playing === true;
    if (view?.playback.advance(elapsed) === true) {
      view.follow();
      this.#keepBeside();
    }
    for (const draw of this.#drawings) draw();
    const playing = view?.playback.playing === true;
    this.#lastFrame = playing ? now : 0;
    if (wasPlaying && (now - this.#lastPanels > PANEL_MILLISECONDS || !playing)) {
      this.#lastPanels = now;
      for (const listener of this.#panels) listener();
    }
    if (playing) this.redraw();
  }
}

function baseName({ run }: RunView): string {
  return run.name.replace(/\.[^.]*$/, '');
}
