// SPDX-License-Identifier: Apache-2.0
import { type Mapping, mapAnonymous } from '@rekindle/linux';
import { Ledger } from './ledger.ts';
import type { MemorySource } from './memory-source.ts';
import type { PagerPolicy } from './options.ts';
import { markHoles, PAGE } from './page-states.ts';
import { type PrefetchPlan, planPrefetch } from './prefetch-plan.ts';
import { PrefetchUnits } from './prefetch-units.ts';
import type { WorkingSet } from './working-set.ts';

/** What can be made before the VMM is there, so that its handshake is answered at once. */
export class Preparation {
  /** Bytes. */
  readonly pageSize: number;
  readonly ledger: Ledger;
  readonly plan: PrefetchPlan;
  readonly before: PrefetchUnits;
  readonly behind: PrefetchUnits;
  /** Address of a page of zeroes where ZEROPAGE does not work (huge pages), else 0. */
  readonly zeroPage: number;
  readonly #zeroes: Mapping | undefined;

  /** @param inherited descriptor of a predecessor's ledger */
  constructor(
    source: MemorySource,
    set: WorkingSet | undefined,
    policy: PagerPolicy,
    pageSize: number,
    inherited?: number,
  ) {
    this.pageSize = pageSize;
    const pages = Math.ceil(source.bytes / pageSize);
    this.ledger = inherited === undefined ? Ledger.create(pages) : Ledger.adopt(inherited, pages);
    const { states } = this.ledger;
    markHoles(states, source.extents, pageSize);
    if (source.lazy !== undefined) {
      // What a predecessor had fetched died with it.
      for (let page = 0; page < pages; page++) states[page]! &= ~PAGE.ready;
      source.lazy.attach(states);
    }
    this.plan = planPrefetch(policy, set, source, pageSize);
    const { runs, before } = this.plan;
    const content = runs.filter(({ zero }) => !zero).sort((a, b) => a.page - b.page);
    source.readAhead(
      content.map(({ page, pages }) => ({
        start: page * pageSize,
        end: (page + pages) * pageSize,
      })),
    );
    this.before = new PrefetchUnits(runs.slice(0, before), pageSize);
    this.behind = new PrefetchUnits(runs.slice(before), pageSize);
    this.#zeroes = pageSize === 4096 ? undefined : mapAnonymous(pageSize);
    this.zeroPage = this.#zeroes?.address ?? 0;
  }

  /** The same for pages of another size; this one is closed. */
  again(
    source: MemorySource,
    set: WorkingSet | undefined,
    policy: PagerPolicy,
    pageSize: number,
  ): Preparation {
    this.close();
    return new Preparation(source, set, policy, pageSize);
  }

  /** Everything becomes invalid. */
  close(): void {
    this.ledger.close();
    this.before.close();
    this.behind.close();
    this.#zeroes?.unmap();
  }
}
