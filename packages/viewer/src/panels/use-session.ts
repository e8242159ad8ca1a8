// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect, useState } from 'preact/hooks';
import type { Session } from '../session.ts';

/** Renders the calling component again whenever the session changes. */
export function useSession(session: Session): void {
  const [, render] = useState(0);
  // Not after the next paint, as effects are: what changes before that would be missed.
  useLayoutEffect(() => session.onChange(() => render((n) => n + 1)), [session]);
}
