// SPDX-License-Identifier: Apache-2.0
// The memory files that a process serves from. The clones of a snapshot read the same one: it is mapped once, and what
// one of them has read the next finds mapped.
import { statSync } from 'node:fs';
import type { MemorySource } from './memory-source.ts';
import { openMemorySource } from './open-source.ts';
import type { ResolvedOptions } from './options.ts';

interface Shelved {
  readonly source: MemorySource;
  users: number;
}

/** The file as it is now: one that was written anew under the same name is another one. */
function identityOf(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** Hands out sources, each closed when the last VM that is served from it has ended. */
export class SourceShelf {
  readonly #shelved = new Map<string, Shelved>();

  async open(options: ResolvedOptions): Promise<MemorySource> {
    const { memoryPath, diffPaths = [], readahead } = options;
    const local = !/^https?:\/\//.test(memoryPath);
    let key: string;
    try {
      if (!local) return openMemorySource(options);
      key = JSON.stringify([memoryPath, ...diffPaths].map((path) => [path, identityOf(path)]));
      key += readahead;
    } catch {
      return openMemorySource(options); // says what is wrong with it
    }
    const known = this.#shelved.get(key);
    if (known !== undefined) return this.#lend(key, known);
    const source = await openMemorySource(options);
    // What is fetched bit by bit keeps account of one VM's pages.
    if (source.lazy !== undefined) return source;
    const made = this.#shelved.get(key);
    if (made === undefined) return this.#lend(key, { source, users: 0 });
    source.close(); // somebody was faster
    return this.#lend(key, made);
  }

  #lend(key: string, shelved: Shelved): MemorySource {
    this.#shelved.set(key, shelved);
    shelved.users++;
    const { source } = shelved;
    let open = true;
    const close = (): void => {
      if (!open) return;
      open = false;
      if (--shelved.users > 0) return;
      this.#shelved.delete(key);
      source.close();
    };
    return {
      name: source.name,
      bytes: source.bytes,
      extents: source.extents,
      mapped: source.mapped,
      index: source.index,
      lazy: source.lazy,
      contiguous: (offset, wanted) => source.contiguous(offset, wanted),
      address: (offset, length) => source.address(offset, length),
      isZero: (offset, length) => source.isZero(offset, length),
      readAhead: (runs) => source.readAhead(runs),
      close,
    };
  }
}
