// SPDX-License-Identifier: Apache-2.0
import { render } from 'preact';
import { problemOf } from './model/problem.ts';
import { type OpenableFile, openRuns } from './open.ts';
import { App } from './panels/app.tsx';
import { Session } from './session.ts';

export interface Viewer {
  readonly session: Session;
  /** Opens files that belong together; what goes wrong is shown, not thrown. */
  open(files: readonly OpenableFile[]): Promise<void>;
}

/** Puts the viewer into an element of the page. */
export function mountViewer(element: Element): Viewer {
  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  const session = new Session(dark ? 'dark' : 'light');
  const open = async (files: readonly OpenableFile[]) => {
    const names = files.map(({ name }) => name).join(', ');
    session.open(names);
    try {
      const { runs, warnings } = await openRuns(files);
      session.show(runs, warnings);
    } catch (error) {
      session.fail(problemOf(`Cannot open ${names}`, error));
    }
  };
  const openFiles = (files: readonly File[]) => {
    void open(
      files.map((file) => ({
        name: file.name,
        bytes: async () => new Uint8Array(await file.arrayBuffer()),
      })),
    );
  };
  render(<App session={session} openFiles={openFiles} />, element);
  return { session, open };
}
