// SPDX-License-Identifier: Apache-2.0
// Events in the order in which `jfr print` shows them as text. The JDK passes them through a
// java.util.PriorityQueue keyed by end time; a binary heap is not stable, so that equal times come out in
// an order of its own. This heap makes the same moves (offer: sift up past greater parents only; poll:
// the last one sifts down from the root, the left child wins ties) and so the same order.

/** A priority queue over numbers with a payload each. */
export class EventQueue<T> {
  readonly #keys: number[] = [];
  readonly #items: T[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** The smallest key; undefined when the queue is empty. */
  get nextKey(): number | undefined {
    return this.#keys[0];
  }

  offer(key: number, item: T): void {
    const keys = this.#keys;
    const items = this.#items;
    let at = keys.length;
    keys.push(key);
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (key >= keys[parent]!) break;
      keys[at] = keys[parent]!;
      items[at] = items[parent]!;
      at = parent;
    }
    keys[at] = key;
    items[at] = item;
  }

  /** Takes the item with the smallest key; undefined when the queue is empty. */
  poll(): T | undefined {
    const keys = this.#keys;
    const items = this.#items;
    const first = items[0];
    const key = keys.pop();
    const item = items.pop();
    const size = keys.length;
    if (size === 0 || key === undefined || item === undefined) return first;
    const half = size >>> 1;
    let at = 0;
    while (at < half) {
      let child = 2 * at + 1;
      if (child + 1 < size && keys[child]! > keys[child + 1]!) child++;
      if (key <= keys[child]!) break;
      keys[at] = keys[child]!;
      items[at] = items[child]!;
      at = child;
    }
    keys[at] = key;
    items[at] = item;
    return first;
  }
}
