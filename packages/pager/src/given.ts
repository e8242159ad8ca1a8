// SPDX-License-Identifier: Apache-2.0
import { closeDescriptor } from '@rekindle/linux';

/** Descriptors that came with a request, by what they are: each is taken by whoever owns it from then on. */
export class Given {
  readonly #descriptors: Map<string, number>;

  constructor(descriptors: Iterable<readonly [name: string, fd: number]> = []) {
    this.#descriptors = new Map(descriptors);
  }

  /** The caller owns it from now on; undefined when it was not given. */
  take(name: string): number | undefined {
    const fd = this.#descriptors.get(name);
    this.#descriptors.delete(name);
    return fd;
  }

  /** Gives back what nobody took: a userfaultfd that stays open keeps the memory of a VM that has ended. */
  close(): void {
    for (const fd of this.#descriptors.values()) closeDescriptor(fd);
    this.#descriptors.clear();
  }
}
