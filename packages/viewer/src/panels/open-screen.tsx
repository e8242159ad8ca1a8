// SPDX-License-Identifier: Apache-2.0
// What there is to see before anything is open, and when something could not be opened.
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Session } from '../session.ts';

interface OpenProps {
  readonly openFiles: (files: readonly File[]) => void;
}

export function OpenScreen({ session, openFiles }: OpenProps & { session: Session }): JSX.Element {
  const { problem, opening } = session;
  if (opening !== undefined) {
    return (
      <div class="open-screen" role="status">
        <p class="opening">Opening {opening} …</p>
      </div>
    );
  }
  return (
    <div class="open-screen">
      {problem !== undefined && (
        <section class="failure" role="alert" data-testid="problem">
          <h2>{problem.title}</h2>
          <p>{problem.detail}</p>
          {problem.hint !== '' && <p class="hint">{problem.hint}</p>}
        </section>
      )}
      <section class="invitation">
        <h2>Open a restore</h2>
        <p>Drop files here, or pick them:</p>
        <ul>
          <li>
            one or two recordings (<code>.jfr</code>) that <code>rekindle restore --record</code>{' '}
            wrote, or
          </li>
          <li>
            fireCRaCer’s texts together: the memory mapping, the fault handler’s log and, if there
            is one, the native memory tracking of the JVM.
          </li>
        </ul>
        <FileButton openFiles={openFiles} prominent />
      </section>
    </div>
  );
}

export function FileButton({
  openFiles,
  prominent = false,
}: OpenProps & { prominent?: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class={prominent ? 'prominent' : 'quiet'}
        onClick={() => input.current?.click()}
      >
        Open…
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = '';
          if (files.length > 0) openFiles(files);
        }}
      />
    </>
  );
}
