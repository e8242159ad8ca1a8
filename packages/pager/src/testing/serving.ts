// SPDX-License-Identifier: Apache-2.0
// Pagers that serve the stand-in VMM, and the end of everything a test began.
import type { LoopKind, PagerHandle, PagerOptions, PagerSummary } from '../index.ts';
import { spawnPager } from '../index.ts';
import { drawMemory, runVmm, type Scene, type VmmEnd } from './guest.ts';

/** Everything that can be seen from outside must be the same with either loop: each is the other's judge. */
export const LOOPS: readonly LoopKind[] = ['native', 'typescript'];

/** One run of the stand-in VMM, seen from both ends. */
export interface Session {
  readonly vmm: VmmEnd;
  readonly summary: PagerSummary;
}

export interface Serving {
  scene(drawing: string): Promise<Scene>;
  start(made: Scene, options?: Partial<PagerOptions>): PagerHandle;
  /** The same, as soon as a VMM can come. */
  pagerFor(made: Scene, options?: Partial<PagerOptions>): Promise<PagerHandle>;
  /** Serves one run of the stand-in VMM. */
  session(drawing: string, actions: readonly string[], flags?: readonly string[]): Promise<Session>;
  /** Ends the pagers and removes the scenes; for `afterEach`. */
  clear(): void;
}

/** All its pagers have the loop. */
export function servingWith(loop: LoopKind): Serving {
  const scenes: Scene[] = [];
  const pagers: PagerHandle[] = [];

  async function scene(drawing: string): Promise<Scene> {
    const made = await drawMemory(drawing);
    scenes.push(made);
    return made;
  }

  function start(made: Scene, options: Partial<PagerOptions> = {}): PagerHandle {
    const pager = spawnPager({
      socketPath: made.socketPath,
      memoryPath: made.memoryPath,
      handshakeTimeoutMs: 8000,
      loop,
      ...options,
    });
    pagers.push(pager);
    return pager;
  }

  async function pagerFor(made: Scene, options?: Partial<PagerOptions>): Promise<PagerHandle> {
    const pager = start(made, options);
    await pager.ready;
    return pager;
  }

  async function session(
    drawing: string,
    actions: readonly string[],
    flags: readonly string[] = [],
  ): Promise<Session> {
    const made = await scene(drawing);
    const pager = await pagerFor(made);
    const vmm = await runVmm([...flags, made.socketPath, made.memoryPath, ...actions]);
    return { vmm, summary: await pager.done };
  }

  function clear(): void {
    for (const pager of pagers.splice(0)) pager.kill();
    for (const made of scenes.splice(0)) made.remove();
  }

  return { scene, start, pagerFor, session, clear };
}
