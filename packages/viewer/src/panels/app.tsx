// SPDX-License-Identifier: Apache-2.0
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { RunView } from '../model/run-view.ts';
import type { Session } from '../session.ts';
import { shortcuts } from '../shortcuts.ts';
import { Header } from './header.tsx';
import { Help } from './help.tsx';
import { Inspector } from './inspector.tsx';
import { Legend } from './legend.tsx';
import { OpenScreen } from './open-screen.tsx';
import { OwnerTree } from './owner-tree.tsx';
import { Report } from './report.tsx';
import { Stage } from './stage.tsx';
import { StageBar } from './stage-bar.tsx';
import { StageHead } from './stage-head.tsx';
import { Timeline } from './timeline.tsx';
import { Totals } from './totals.tsx';
import { Transport } from './transport.tsx';
import { useSession } from './use-session.ts';

export interface AppProps {
  readonly session: Session;
  /** Opens files that were picked or dropped. */
  readonly openFiles: (files: readonly File[]) => void;
}

export function App({ session, openFiles }: AppProps): JSX.Element {
  useSession(session);
  const [help, setHelp] = useState(false);
  useEffect(() => {
    document.documentElement.dataset.theme = session.theme;
  }, [session.theme]);
  useEffect(() => {
    const onKeyDown = shortcuts(session, () => setHelp((shown) => !shown));
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [session]);
  const dropping = useFileDrop(openFiles);
  const { view } = session;
  return (
    <div class={`app${dropping ? ' dropping' : ''}`}>
      <Header session={session} openFiles={openFiles} showHelp={() => setHelp(true)} />
      {view === undefined ? (
        <OpenScreen session={session} openFiles={openFiles} />
      ) : (
        <>
          <main>
            <StageBar session={session} view={view} />
            <Warnings session={session} />
            {session.report ? (
              <Report views={session.views} />
            ) : (
              <>
                <Stages session={session} />
                <Legend view={view} others={session.beside ? session.views : []} />
              </>
            )}
          </main>
          <aside>
            <Totals view={view} other={session.other} />
            <OwnerTree key={session.active} session={session} view={view} />
            <Inspector view={session.views[session.pointedAt] ?? view} cell={session.hovered} />
          </aside>
          <footer>
            <Transport session={session} view={view} />
            <Timeline session={session} />
          </footer>
        </>
      )}
      {help && <Help close={() => setHelp(false)} />}
    </div>
  );
}

/** The grid of the run in front, or two grids beside each other. */
function Stages({ session }: { session: Session }): JSX.Element {
  const { beside, views, active, other } = session;
  if (!beside || other === undefined) return <Stage session={session} index={active} />;
  return (
    <div class="stages">
      {[active, views.indexOf(other)].map((index) => (
        <div key={index}>
          <StageHead view={views[index] as RunView} />
          <Stage session={session} index={index} />
        </div>
      ))}
    </div>
  );
}

function Warnings({ session }: { session: Session }): JSX.Element | null {
  const { warnings } = session;
  if (warnings.length === 0) return null;
  const dismiss = () => {
    session.warnings = [];
    session.changed();
  };
  return (
    <div class="warnings" role="status" data-testid="warnings">
      <span>{warnings.join('; ')}</span>
      <button type="button" class="quiet" aria-label="Dismiss" onClick={dismiss}>
        ×
      </button>
    </div>
  );
}

/** Files dropped anywhere on the page. @returns whether something is being dragged over it */
function useFileDrop(openFiles: AppProps['openFiles']): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const onDragOver = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) openFiles(files);
    };
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('dragleave', onDragLeave);
    window.addEventListener('drop', onDrop);
    return () => {
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('dragleave', onDragLeave);
      window.removeEventListener('drop', onDrop);
    };
  }, [openFiles]);
  return over;
}
