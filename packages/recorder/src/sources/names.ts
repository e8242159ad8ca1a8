// SPDX-License-Identifier: Apache-2.0
// Host names looked up and modules loaded.
import { executionAsyncId } from 'node:async_hooks';
import dns from 'node:dns';
import Module from 'node:module';
import { now } from '../clock.ts';
import { DnsLookup, ModuleLoad } from '../node-events.ts';
import type { Source } from './source.ts';
import { unwrapAll, wrap } from './wrap.ts';

export const dnsLookups: Source = {
  name: 'dns',
  events: [DnsLookup],
  cost: '1 µs a lookup',
  start(context) {
    const handle = context.handle(DnsLookup);
    const wrapped = wrap(dns, 'lookup', (original) => {
      return function (this: unknown, ...args: unknown[]): unknown {
        const done = args.at(-1);
        if (typeof done !== 'function') return original.apply(this, args);
        const start = now();
        const from = handle.tellsAsyncContext ? executionAsyncId() : undefined;
        args[args.length - 1] = (error: Error | null, address: unknown, ...rest: unknown[]) => {
          const found = Array.isArray(address)
            ? address.map((item: { address: string }) => item.address).join(', ')
            : address;
          handle.commitIn(
            from,
            start,
            now() - start,
            String(args[0]),
            typeof found === 'string' ? found : null,
            error?.message ?? null,
          );
          return done(error, address, ...rest);
        };
        return original.apply(this, args);
      };
    });
    Module.syncBuiltinESMExports();
    return () => {
      unwrapAll([wrapped]);
      Module.syncBuiltinESMExports();
    };
  },
};

/** Modules loaded by `require`; ES modules are loaded where no hook of this kind reaches. */
export const moduleLoads: Source = {
  name: 'modules',
  events: [ModuleLoad],
  cost: '1 µs a module',
  start(context) {
    const handle = context.handle(ModuleLoad);
    const wrapped = wrap(Module, '_load', (original) => {
      return function (this: unknown, ...args: unknown[]): unknown {
        const start = now();
        const loaded = original.apply(this, args);
        const parent = (args[1] as { filename?: string } | undefined)?.filename ?? null;
        handle.commit(start, now() - start, String(args[0]), parent);
        return loaded;
      };
    });
    return () => unwrapAll([wrapped]);
  },
};
