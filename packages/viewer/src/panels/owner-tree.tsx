// SPDX-License-Identifier: Apache-2.0
// Who owns memory: processes, below them JVM areas and mappings, kernel and page cache last. Click
// selects, Ctrl or Shift and click adds; arrow keys walk the tree.
import type { PageOwner } from '@rekindle/analysis';
import { PAGE_BYTES } from '@rekindle/memory';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { bytes, percent } from '../model/format.ts';
import type { RunView } from '../model/run-view.ts';
import type { Session } from '../session.ts';

/** Mappings and parts listed before "more". */
const FIRST_MAPPINGS = 12;

interface Row {
  readonly key: string;
  readonly level: number;
  readonly owner?: PageOwner;
  readonly label: string;
  readonly detail: string;
  /** Key of the group that this row opens and closes. */
  readonly group?: string;
}

export function OwnerTree({ session, view }: { session: Session; view: RunView }): JSX.Element {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => firstOpen(view));
  const toggle = (key: string, to = !open.has(key)) => {
    const next = new Set(open);
    if (to) next.add(key);
    else next.delete(key);
    setOpen(next);
  };
  const rows = visibleRows(view, open);
  const choose = (row: Row, add: boolean) => {
    if (row.owner === undefined) {
      if (row.group !== undefined) toggle(row.group);
      return;
    }
    const chosen = new Set(add ? view.selection : []);
    if (add && chosen.has(row.owner.id)) chosen.delete(row.owner.id);
    else chosen.add(row.owner.id);
    view.select(chosen);
    session.changed();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const at = rows.findIndex((row) => row.key === target.dataset.key);
    const row = rows[at];
    if (row === undefined) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const sibling =
        event.key === 'ArrowDown' ? target.nextElementSibling : target.previousElementSibling;
      (sibling as HTMLElement | null)?.focus();
    } else if (event.key === 'ArrowRight' && row.group !== undefined) toggle(row.group, true);
    else if (event.key === 'ArrowLeft' && row.group !== undefined) toggle(row.group, false);
    else if (event.key === 'Enter' || event.key === ' ') choose(row, event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="tree" role="tree" aria-label="Owners" onKeyDown={onKeyDown}>
      <div class="tree-head" role="presentation">
        <span>owner</span>
        <span title="Pages in memory when the snapshot was taken">resident</span>
        <span title="Pages that came in up to the playhead">loaded</span>
        <span title="Share of the resident pages: now, and pale at the end of the run">share</span>
      </div>
      {rows.map((row, index) => (
        <div
          key={row.key}
          class={`owner level${row.level}${row.owner && view.selection.has(row.owner.id) ? ' chosen' : ''}`}
          data-key={row.key}
          data-owner={row.owner?.name}
          role="treeitem"
          aria-label={labelOf(view, row)}
          tabIndex={index === 0 ? 0 : -1}
          aria-level={row.level + 1}
          aria-selected={row.owner !== undefined && view.selection.has(row.owner.id)}
          {...(row.group === undefined ? {} : { 'aria-expanded': open.has(row.group) })}
          onClick={(event) => choose(row, event.ctrlKey || event.metaKey || event.shiftKey)}
          onKeyDown={() => {}}
        >
          <Twisty row={row} open={open} toggle={toggle} />
          <span class="name" title={row.label}>
            {row.label}
            {row.detail && <small> {row.detail}</small>}
          </span>
          {row.owner && <Sizes view={view} owner={row.owner} />}
        </div>
      ))}
    </div>
  );
}

/** What a screen reader says of a row. */
function labelOf(view: RunView, { label, owner }: Row): string {
  if (owner === undefined) return label;
  const resident = bytes(view.graph.residentPages(owner.id) * PAGE_BYTES);
  return `${label}, ${resident} resident, ${bytes(view.states.loaded[owner.id]! * PAGE_BYTES)} loaded`;
}

function Twisty(props: {
  row: Row;
  open: ReadonlySet<string>;
  toggle: (key: string) => void;
}): JSX.Element {
  const { group } = props.row;
  if (group === undefined) return <span class="twisty" />;
  return (
    <button
      type="button"
      class="twisty"
      tabIndex={-1}
      aria-label={props.open.has(group) ? 'Collapse' : 'Expand'}
      onClick={(event) => {
        event.stopPropagation();
        props.toggle(group);
      }}
    >
      {props.open.has(group) ? '▾' : '▸'}
    </button>
  );
}

function Sizes({ view, owner }: { view: RunView; owner: PageOwner }): JSX.Element {
  const resident = view.graph.residentPages(owner.id);
  const loaded = view.states.loaded[owner.id]!;
  const all = view.atEnd.loaded[owner.id]!;
  const share = (part: number) => `${(part / Math.max(1, resident)) * 100}%`;
  return (
    <>
      <span class="size">{bytes(resident * PAGE_BYTES)}</span>
      <span class="size loaded" title={`${percent(all, resident)} at the end of the run`}>
        {bytes(loaded * PAGE_BYTES)}
      </span>
      <span class="gauge" title={`${percent(loaded, resident)} of what is resident`}>
        <span class="all" style={{ width: share(all) }} />
        <span class="now" style={{ width: share(loaded) }} />
      </span>
    </>
  );
}

function firstOpen(view: RunView): ReadonlySet<string> {
  const [chosen] = view.selection;
  return new Set(chosen === undefined ? [] : [`root ${chosen}`]);
}

function visibleRows(view: RunView, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  for (const root of view.graph.roots()) {
    const children = view.graph.childrenOf(root.id);
    const group = `root ${root.id}`;
    const detail = root.kind === 'process' ? `${root.pid}` : '';
    const foldable = children.length > 0 ? { group } : {};
    rows.push({ key: group, level: 0, owner: root, label: root.name, detail, ...foldable });
    if (!open.has(group)) continue;
    const areas = children.filter((owner) => owner.kind === 'area');
    for (const area of areas) rows.push(leaf(area, 1));
    const others = children.filter((owner) => owner.kind !== 'area');
    if (areas.length === 0) rows.push(...someOf(others, 1, group, open));
    else if (others.length > 0) {
      const mappings = `mappings ${root.id}`;
      const label = `mappings (${others.length})`;
      rows.push({ key: mappings, level: 1, label, detail: '', group: mappings });
      if (open.has(mappings)) rows.push(...someOf(others, 2, mappings, open));
    }
  }
  return rows;
}

function someOf(owners: PageOwner[], level: number, key: string, open: ReadonlySet<string>): Row[] {
  const more = `more ${key}`;
  const all = open.has(more) || owners.length <= FIRST_MAPPINGS + 1;
  const rows = owners.slice(0, all ? owners.length : FIRST_MAPPINGS).map((o) => leaf(o, level));
  if (!all) {
    const label = `${owners.length - FIRST_MAPPINGS} more`;
    rows.push({ key: more, level, label, detail: '', group: more });
  }
  return rows;
}

function leaf(owner: PageOwner, level: number): Row {
  const at = owner.start === undefined ? '' : owner.start.toString(16);
  const label = owner.name.slice(owner.name.lastIndexOf('/') + 1) || owner.name;
  return { key: `owner ${owner.id}`, level, owner, label, detail: at };
}
