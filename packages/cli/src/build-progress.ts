// SPDX-License-Identifier: Apache-2.0
import type { BuildProgress } from '@rekindle/microvm';
import { Progress } from './output.ts';

/** Shows a build's steps as they come; the last one ends when the build does. */
export async function withBuildProgress<T>(
  build: (onProgress: (progress: BuildProgress) => void) => Promise<T>,
  quiet = false,
): Promise<T> {
  const progress = new Progress(quiet);
  let step: string | undefined;
  try {
    const result = await build((now) => {
      if (now.step !== step) {
        if (step !== undefined) progress.done();
        step = now.step;
        progress.start(step);
      }
      const share = now.fraction === undefined ? '' : `${Math.round(now.fraction * 100)}% `;
      progress.detail(`${share}${now.message}`);
    });
    if (step !== undefined) progress.done();
    return result;
  } catch (error) {
    progress.stop();
    throw error;
  }
}
