// SPDX-License-Identifier: Apache-2.0
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

const KEYS: readonly (readonly [string, string])[] = [
  ['Space', 'play, pause'],
  ['← →', 'one event back, on'],
  ['Shift ← →', 'a hundredth of the run back, on'],
  ['Home End', 'to the beginning, to the end'],
  ['+ −', 'larger, smaller'],
  ['0 W', 'show all, fit the width'],
  ['1 2 3 4 5', 'colour by state, order, service time, owner; compare two runs'],
  ['V', 'physical or virtual'],
  ['B', 'two runs side by side, on one clock'],
  ['R', 'the report: figures and owners'],
  ['/', 'search for an address'],
  ['S', 'save the picture of the grid'],
  ['A', 'save the restore as a moving picture'],
  ['T', 'light or dark'],
  ['wheel', 'on the timeline: zoom, with Shift move; double click shows all'],
  ['Ctrl wheel', 'on the grid: zoom; the wheel and dragging move'],
  ['?', 'this list'],
];

export function Help({ close }: { close: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-label="Keys" onClose={close}>
      <table>
        <tbody>
          {KEYS.map(([keys, what]) => (
            <tr key={keys}>
              <th scope="row">
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" class="prominent" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
