// SPDX-License-Identifier: Apache-2.0
import { serveViewer } from '@rekindle/viewer/server';

/** Serves the viewer for recordings until the process is told to end, and says where. */
export async function showRuns(
  files: readonly string[],
  port: number,
  onReady?: (url: string) => void,
): Promise<void> {
  const viewer = await serveViewer({ files, port });
  process.stdout.write(`viewer: ${viewer.url} (Ctrl-C ends it)\n`);
  onReady?.(viewer.url);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await viewer.close();
}
