// SPDX-License-Identifier: Apache-2.0
// The summary of a file for a program that does nothing else: a door of its own to the package
// (`@rekindle/jfr/summary`), because loading all of the reader takes longer than counting a million events.
import type { ByteSource } from '@rekindle/bytes';
import { countEvents } from './count-events.ts';
import { JfrError } from './error.ts';
import { earliestStart, findChunks } from './find-chunks.ts';
import { type KnownNames, sourceEventNames } from './source-metadata.ts';
import { Summary } from './summary.ts';

export { formatSummary } from './print/summary-text.ts';
export type { Summary };

/**
 * As `Recording.summary()`, of a recording without damage. Undefined where there is some:
 * `openRecording` reads around it, or says what is wrong.
 */
export async function summarizeWhole(source: ByteSource): Promise<Summary | undefined> {
  try {
    const { places } = await findChunks(source, false);
    const summary = new Summary({ places, startNanos: earliestStart(places) });
    let known: KnownNames | undefined;
    for (const place of places) {
      const counts = await countEvents(source, place);
      known = await sourceEventNames(source, place, known);
      summary.add(known.names, counts);
    }
    return summary;
  } catch (error) {
    if (error instanceof JfrError) return undefined;
    throw error;
  }
}
