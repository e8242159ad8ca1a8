// SPDX-License-Identifier: Apache-2.0
// Stacks merged by the names of their frames.
import { type StackProfile, weightsOfStacks } from './stacks.ts';

/** Nodes in preorder; a node's children follow it, one level deeper, the heaviest first. */
export interface FlameTree {
  readonly names: readonly string[];
  readonly kinds: readonly string[];
  /** Index into `names`, per node. Node 0 is the root, named after the event. */
  readonly name: number[];
  /** Index into `kinds`, per node: the kind most of its weight had. */
  readonly kind: number[];
  readonly level: number[];
  /** Weight of a node with all below it. */
  readonly total: number[];
}

interface Node {
  readonly name: number;
  total: number;
  readonly kinds: Map<number, number>;
  readonly children: Map<number, Node>;
}

export function flameTree(profile: StackProfile): FlameTree {
  const names: string[] = [profile.event];
  const kinds: string[] = [''];
  const nameIndex = new Map<string, number>([[profile.event, 0]]);
  const kindIndex = new Map<string, number>([['', 0]]);
  const index = (list: string[], map: Map<string, number>, text: string): number => {
    let at = map.get(text);
    if (at === undefined) {
      at = list.push(text) - 1;
      map.set(text, at);
    }
    return at;
  };
  const node = (name: number): Node => ({ name, total: 0, kinds: new Map(), children: new Map() });
  const root = node(0);
  const frames = profile.frames.map(({ name, kind }) => ({
    name: index(names, nameIndex, name),
    kind: index(kinds, kindIndex, kind),
  }));
  const sums = weightsOfStacks(profile);
  for (const [at, stack] of profile.stacks.entries()) {
    const weight = sums[at]!;
    if (!(weight > 0)) continue;
    let parent = root;
    root.total += weight;
    for (const frame of stack) {
      const { name, kind } = frames[frame]!;
      let child = parent.children.get(name);
      if (child === undefined) {
        child = node(name);
        parent.children.set(name, child);
      }
      child.total += weight;
      child.kinds.set(kind, (child.kinds.get(kind) ?? 0) + weight);
      parent = child;
    }
  }
  return flatten(root, names, kinds);
}

function flatten(root: Node, names: readonly string[], kinds: readonly string[]): FlameTree {
  const tree: FlameTree = { names, kinds, name: [], kind: [], level: [], total: [] };
  // by hand: stacks may be thousands of frames deep
  const open: { node: Node; level: number }[] = [{ node: root, level: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, level } = next;
    tree.name.push(node.name);
    tree.level.push(level);
    tree.total.push(node.total);
    const most = [...node.kinds].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
    tree.kind.push(most[0]!);
    const children = [...node.children.values()].sort((a, b) => a.total - b.total);
    for (const child of children) open.push({ node: child, level: level + 1 });
  }
  return tree;
}
