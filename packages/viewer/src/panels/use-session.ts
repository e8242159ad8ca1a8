// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks';
import type { Session } from '../session.ts';

/** Renders the calling component again whenever the session changes. */
export function useSession(session: Session): void {
  const [, render] = useState(0);
  useEffect(() => session.onChange(() => render((n) => n + 1)), [session]);
}
