// SPDX-License-Identifier: Apache-2.0
// Collapsed stacks: `root;…;leaf weight`, a line per distinct stack of names (Brendan Gregg's
// stackcollapse; speedscope, inferno and flamegraph.pl read it).
import { type StackProfile, weightsOfStacks } from './stacks.ts';

export function collapsedStacks(profile: StackProfile): string {
  const sums = weightsOfStacks(profile);
  const lines = new Map<string, number>();
  for (const [index, stack] of profile.stacks.entries()) {
    // a semicolon parts frames, a line break stacks
    const line = stack
      .map((frame) => profile.frames[frame]!.name.replaceAll(';', ':').replaceAll(/[\r\n]+/g, ' '))
      .join(';');
    lines.set(line, (lines.get(line) ?? 0) + sums[index]!);
  }
  return [...lines].map(([line, sum]) => `${line} ${Math.round(sum)}\n`).join('');
}
