// SPDX-License-Identifier: Apache-2.0
// A pager process serves the VMs that it is asked to, until no more can come. What goes wrong with one of them ends
// that one alone.
import { type PagerRequest, RequestReader, type ServeRequest } from './control-channel.ts';
import type { Given } from './given.ts';
import { openLogs } from './host.ts';
import { failure, writeMessage } from './notice-channel.ts';
import { type PagerHost, servePager } from './serve.ts';
import { SourceShelf } from './source-shelf.ts';

/** A wish that comes true at most once. */
class Wish {
  granted = false;
  #grant!: () => void;
  readonly promise: Promise<void> = new Promise((resolve) => {
    this.#grant = resolve;
  });

  grant(): void {
    this.granted = true;
    this.#grant();
  }
}

class Served {
  readonly stop = new Wish();
  readonly drop = new Wish();
  /** Whether its VMM has come. */
  met = false;
}

/** Serves what is asked for on `control`; SIGTERM and SIGINT ask it to leave every VM to itself, complete. */
export function serveRequests(control: number): void {
  const vms = new Map<number, Served>();
  const shelf = new SourceShelf();
  // A watch of a descriptor alone keeps no process alive.
  const alive = setInterval(() => {}, 2 ** 30);
  const serve = async (request: ServeRequest, given: Given): Promise<void> => {
    const { serve: vm, options, takeover, alone } = request;
    const served = new Served();
    vms.set(vm, served);
    const host: PagerHost = {
      openLog: openLogs,
      openSource: (resolved) => shelf.open(resolved),
      notify: (notice) => {
        if (notice.event !== 'listening') served.met = true;
        writeMessage({ vm, ...notice });
      },
      stopped: () => served.stop.granted,
      stopping: served.stop.promise,
      dropping: served.drop.promise,
    };
    try {
      const inherited = takeover === undefined ? {} : { takeover };
      const summary = await servePager({ ...options, ...inherited, given, alone }, host);
      writeMessage({ vm, event: 'done', summary });
    } catch (error) {
      writeMessage({ vm, ...failure(error) });
    }
    vms.delete(vm);
  };
  const take = (request: PagerRequest, given: Given): void => {
    if ('serve' in request) void serve(request, given);
    else if ('stop' in request) vms.get(request.stop)?.stop.grant();
    else if ('drop' in request) vms.get(request.drop)?.drop.grant();
    else clearInterval(alive);
  };
  new RequestReader(control, take, () => {
    clearInterval(alive);
    for (const { met, drop } of vms.values()) if (!met) drop.grant();
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      for (const { stop } of vms.values()) stop.grant();
    });
  }
}
