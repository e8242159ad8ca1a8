// SPDX-License-Identifier: Apache-2.0
// From bytes to colours. Every way of colouring gives each page one byte and each byte one colour, so
// that painting is one loop whatever is shown.
import { classIndex } from '@rekindle/memory';
import { mix, ramp, word } from './colour.ts';
import { LOADED, NEW, PREFETCHED, RECENT, SELECTED, SHARED, USED } from './page-state.ts';
import type { Theme } from './theme.ts';

/**
 * What the colour of a page tells: its state, when it came in, how long that took, whose it is, or which
 * of two runs it came in.
 */
export const COLOURINGS = ['state', 'order', 'service', 'owner', 'compare'] as const;
export type Colouring = (typeof COLOURINGS)[number];

/** Levels 0 to 239 of a ramp are stored as bytes 16 to 255; the bytes below say "not in". */
const FIRST_LEVEL = 16;
/** Number of steps of the ramps. */
export const LEVELS = 240;

/** The colour of a page in a given state, as `#rrggbb`. */
export function stateColour(state: number, theme: Theme): string {
  const colour = settledColour(state, theme);
  return (state & RECENT) === 0 ? colour : mix(colour, theme.flash, 0.4);
}

function settledColour(state: number, theme: Theme): string {
  const selected = (state & SELECTED) !== 0;
  if ((state & (LOADED | PREFETCHED)) !== 0) {
    if ((state & NEW) !== 0) return theme.fresh;
    // A page that was prefetched and then faulted all the same shows the fault: that is the news.
    if ((state & LOADED) !== 0) return selected ? theme.loadedSelected : theme.loaded;
    return selected ? theme.prefetchedSelected : theme.prefetched;
  }
  if (selected) return (state & SHARED) === 0 ? theme.selected : theme.shared;
  return (state & USED) === 0 ? theme.unused : theme.used;
}

/** The 256 colours of one way of colouring, as canvas words. */
export function palette(colouring: Colouring, theme: Theme): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => word(colourOf(colouring, byte, theme)));
}

function colourOf(colouring: Colouring, byte: number, theme: Theme): string {
  switch (colouring) {
    case 'state':
      return stateColour(byte, theme);
    case 'owner':
      return ownerColour(byte, theme);
    case 'compare':
      return byte < FIRST_LEVEL
        ? settledColour(byte, theme)
        : (comparisonColours(theme)[byte - FIRST_LEVEL] ?? theme.unused);
    case 'order':
    case 'service':
      return byte < FIRST_LEVEL
        ? mix(settledColour(byte, theme), theme.unused, 0.55)
        : ramp(theme.ramp, (byte - FIRST_LEVEL) / (LEVELS - 1));
  }
}

/** Classes from here on are nobody's: free, or not known. */
export const NOBODY: number = classIndex('free');

function ownerColour(byte: number, theme: Theme): string {
  const owner = byte & 15;
  const colour = theme.classes[owner];
  const loaded = (byte & 16) !== 0;
  if (colour === undefined) return loaded ? theme.fresh : theme.unused;
  return loaded ? colour : mix(colour, theme.ground, (byte & 32) !== 0 ? 0.55 : 0.76);
}

/** The byte of a page under a ramp. @param level 0 to LEVELS - 1, or -1 when it is not in */
export function rampByte(state: number, level: number): number {
  return level < 0 ? state & (USED | SELECTED | SHARED) : FIRST_LEVEL + level;
}

/** Which of two runs a page came in: this one, the other, both. */
const ONLY_HERE = 0;
const ONLY_THERE = 1;
const IN_BOTH = 2;

/** The colours of ONLY_HERE, ONLY_THERE and IN_BOTH. */
export function comparisonColours(theme: Theme): readonly [string, string, string] {
  return [theme.loadedSelected, theme.fresh, theme.loaded];
}

/** The byte of a page under a comparison. */
export function comparisonByte(state: number, here: boolean, there: boolean): number {
  if (here) return FIRST_LEVEL + (there ? IN_BOTH : ONLY_HERE);
  return there ? FIRST_LEVEL + ONLY_THERE : state & (USED | SELECTED | SHARED);
}

/** The byte of a page coloured by owner. @param owner index into OWNER_CLASSES */
export function ownerByte(state: number, owner: number): number {
  const loaded = (state & (LOADED | PREFETCHED)) === 0 ? 0 : 16;
  return owner | loaded | ((state & SELECTED) === 0 ? 0 : 32);
}
