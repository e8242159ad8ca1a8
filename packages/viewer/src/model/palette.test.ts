// SPDX-License-Identifier: Apache-2.0
import { OWNER_CLASSES } from '@rekindle/memory';
import { describe, expect, it } from 'vitest';
import { hex, mix, ramp, word } from './colour.ts';
import { LOADED, NEW, PREFETCHED, RECENT, SELECTED, SHARED, USED } from './page-state.ts';
import {
  COLOURINGS,
  LEVELS,
  NOBODY,
  ownerByte,
  palette,
  rampByte,
  stateColour,
} from './palette.ts';
import { DARK, LIGHT } from './theme.ts';

describe('colours as canvas words', () => {
  it('have red in the lowest byte, opaque', () => {
    expect(word('#123456')).toBe(0xff563412);
    expect(hex(word('#0a0b0c'))).toBe('#0a0b0c');
  });

  it('mix', () => {
    expect(mix('#000000', '#ffffff', 0)).toBe('#000000');
    expect(mix('#000000', '#ffffff', 1)).toBe('#ffffff');
    expect(mix('#200000', '#400000', 0.5)).toBe('#300000');
    expect(ramp(['#000000', '#ff0000', '#ffffff'], 0.5)).toBe('#ff0000');
    expect(ramp(['#000000', '#ff0000'], 7)).toBe('#ff0000');
  });
});

describe.each([LIGHT, DARK])('the $name palette', (theme) => {
  it('tells a page by its state', () => {
    const colour = (state: number) => stateColour(state, theme);
    expect(colour(0)).toBe(theme.unused);
    expect(colour(USED)).toBe(theme.used);
    expect(colour(USED | SELECTED)).toBe(theme.selected);
    expect(colour(USED | SELECTED | SHARED)).toBe(theme.shared);
    expect(colour(USED | LOADED)).toBe(theme.loaded);
    expect(colour(USED | LOADED | SELECTED)).toBe(theme.loadedSelected);
    expect(colour(USED | PREFETCHED)).toBe(theme.prefetched);
    expect(colour(USED | PREFETCHED | SELECTED)).toBe(theme.prefetchedSelected);
    expect(colour(LOADED | NEW)).toBe(theme.fresh);
  });

  it('shows the fault on a page that was prefetched for nothing', () => {
    expect(stateColour(USED | PREFETCHED | LOADED, theme)).toBe(theme.loaded);
  });

  it('lets a page that has just come in flash', () => {
    expect(stateColour(USED | LOADED | RECENT, theme)).toBe(mix(theme.loaded, theme.flash, 0.4));
  });

  it.each(COLOURINGS)('has 256 opaque words by %s', (colouring) => {
    const colours = palette(colouring, theme);
    expect(colours).toHaveLength(256);
    expect(colours.every((colour) => colour >>> 24 === 0xff)).toBe(true);
  });

  it('runs a ramp from first to last', () => {
    const colours = palette('order', theme);
    expect(hex(colours[rampByte(USED | LOADED, 0)]!)).toBe(theme.ramp[0]);
    expect(hex(colours[rampByte(USED | LOADED, LEVELS - 1)]!)).toBe(theme.ramp.at(-1));
    expect(hex(colours[rampByte(0, -1)]!)).toBe(theme.unused);
    expect(colours[rampByte(USED | SELECTED, -1)]).not.toBe(colours[rampByte(USED, -1)]);
  });

  it('tells owners apart, and what is in from what is not', () => {
    const colours = palette('owner', theme);
    const loaded = OWNER_CLASSES.map((_, i) => colours[ownerByte(USED | LOADED, i)]);
    expect(theme.classes).toHaveLength(NOBODY);
    // Free and unknown pages are "new" once they are in: nobody's before.
    expect(OWNER_CLASSES.slice(NOBODY)).toEqual(['free', 'unknown']);
    expect(new Set(loaded).size).toBe(NOBODY + 1);
    expect(colours[ownerByte(USED, 0)]).not.toBe(colours[ownerByte(USED | LOADED, 0)]);
    expect(hex(colours[ownerByte(0, OWNER_CLASSES.indexOf('free'))]!)).toBe(theme.unused);
  });
});
