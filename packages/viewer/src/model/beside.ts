// SPDX-License-Identifier: Apache-2.0
// Two runs side by side: the one behind does what the one in front does.
import type { PageOwner } from '@rekindle/analysis';
import type { RunView } from './run-view.ts';

/** Brings a run's playhead, colours, space and selection into line with the one in front. */
export function follow(front: RunView, behind: RunView): void {
  if (behind.axis.name !== front.axis.name && behind.run.timed) behind.setAxis(front.axis.name);
  if (behind.colouring !== front.colouring) behind.setColouring(front.colouring);
  const selected = counterparts(front, behind);
  if (!sameMembers(selected, behind.selection)) behind.select(selected);
  if (behind.space !== front.space) behind.setSpace(front.space);
  if (behind.columns !== front.columns) behind.setColumns(front.columns);
  // The same moment on the clock, so that one gets there first; events count alike as far as they go.
  behind.playback.seek(front.playback.position);
  behind.follow();
}

/** The selected owners as the other run names them: the same kind, process and name. */
function counterparts(front: RunView, behind: RunView): Set<number> {
  const same = (a: PageOwner, b: PageOwner | undefined) =>
    b !== undefined &&
    a.kind === b.kind &&
    a.pid === b.pid &&
    a.name === b.name &&
    a.start === b.start;
  const found = new Set<number>();
  for (const id of front.selection) {
    const owner = front.graph.owners[id]!;
    const { owners } = behind.graph;
    const there = same(owner, owners[id]) ? owners[id] : owners.find((each) => same(owner, each));
    if (there !== undefined) found.add(there.id);
  }
  return found;
}

function sameMembers(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((id) => b.has(id));
}
