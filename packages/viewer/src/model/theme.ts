// SPDX-License-Identifier: Apache-2.0
// Every colour of the drawings, light and dark, in one place. (The panels have theirs in style.css.)

export type ThemeName = 'light' | 'dark';

export interface Theme {
  readonly name: ThemeName;
  /** Behind the grid, and where there is no RAM. */
  readonly ground: string;
  readonly unused: string;
  readonly used: string;
  readonly selected: string;
  readonly shared: string;
  readonly loaded: string;
  readonly loadedSelected: string;
  readonly fresh: string;
  readonly prefetched: string;
  readonly prefetchedSelected: string;
  /** What a page flashes towards in the moment it comes in. */
  readonly flash: string;
  readonly text: string;
  readonly faintText: string;
  readonly line: string;
  readonly accent: string;
  /** From first to last, and from fast to slow. */
  readonly ramp: readonly string[];
  /** One colour per OWNER_CLASSES of `@rekindle/memory`, up to those that mean nobody. */
  readonly classes: readonly string[];
}

export const LIGHT: Theme = {
  name: 'light',
  ground: '#fbfbfa',
  unused: '#eff0f1',
  used: '#cdd2d8',
  selected: '#77828f',
  shared: '#92b4dc',
  loaded: '#2563d9',
  loadedSelected: '#f08c00',
  fresh: '#d6336c',
  prefetched: '#0f9b8e',
  prefetchedSelected: '#74a800',
  flash: '#1a1c1f',
  text: '#1d2126',
  faintText: '#6b7480',
  line: '#dcdfe3',
  accent: '#1f5fd0',
  ramp: ['#3b1d8f', '#1f6fd6', '#12a28f', '#8ab61b', '#f2a900', '#e0442e'],
  classes: [
    '#e8590c',
    '#1c7ed6',
    '#ae3ec9',
    '#0ca678',
    '#f2a900',
    '#8d6e63',
    '#66a80f',
    '#5c7cfa',
    '#c92a2a',
  ],
};

export const DARK: Theme = {
  name: 'dark',
  ground: '#101317',
  unused: '#191d22',
  used: '#333a43',
  selected: '#7e8a98',
  shared: '#4d7db8',
  loaded: '#3d8bff',
  loadedSelected: '#ffb224',
  fresh: '#ff5c9a',
  prefetched: '#1fc7b2',
  prefetchedSelected: '#a6dc3a',
  flash: '#ffffff',
  text: '#e4e7eb',
  faintText: '#8d97a3',
  line: '#2a3038',
  accent: '#5b9bff',
  ramp: ['#7c5cff', '#3d8bff', '#1fc7b2', '#a6dc3a', '#ffc53d', '#ff6b5a'],
  classes: [
    '#ff8a3d',
    '#4aa8ff',
    '#d67bf0',
    '#2fd3a0',
    '#ffc53d',
    '#b79488',
    '#98d43a',
    '#8c9dff',
    '#ff6b6b',
  ],
};
