// SPDX-License-Identifier: Apache-2.0
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { wrap } from './wrap.ts';

describe('a wrapped function', () => {
  const make = () => {
    const calls: unknown[] = [];
    const owner = {
      base: 10,
      add(this: { base: number }, value: number): number {
        return this.base + value;
      },
    };
    (owner.add as unknown as Record<symbol, string>)[promisify.custom] = 'kept';
    const wrapped = wrap(owner, 'add', (original) => {
      return function (this: unknown, ...args: unknown[]): unknown {
        calls.push(args[0]);
        return original.apply(this, args);
      };
    });
    return { owner, calls, wrapped };
  };

  it('sees calls, with their this, and looks like the original', () => {
    const { owner, calls, wrapped } = make();
    expect(owner.add(1)).toBe(11);
    expect(calls).toEqual([1]);
    expect(owner.add.name).toBe('add');
    expect(owner.add.length).toBe(1);
    expect((owner.add as unknown as Record<symbol, string>)[promisify.custom]).toBe('kept');
    wrapped.unwrap();
    expect(owner.add(2)).toBe(12);
    expect(calls).toEqual([1]);
  });

  it('lets calls through when somebody wrapped it meanwhile', () => {
    const { owner, calls, wrapped } = make();
    const ours = owner.add;
    owner.add = function (value: number): number {
      return ours.call(this, value) * 2;
    };
    wrapped.unwrap();
    expect(owner.add(1)).toBe(22);
    expect(calls).toEqual([]);
  });

  it('is not there where there was no function', () => {
    const owner = { value: 1 };
    wrap(owner, 'value', (original) => original).unwrap();
    wrap(owner, 'missing', (original) => original).unwrap();
    expect(owner).toEqual({ value: 1 });
  });
});
