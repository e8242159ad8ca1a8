// SPDX-License-Identifier: Apache-2.0
// What a process does for the first time takes it ten times as long: functions are compiled, foreign ones bound. Between
// a VM's handshake and its first instruction that is a fifth of a small prefetch. So it is done once before, while
// the VMM starts, with nothing to serve.
import { EventDescriptor, type FaultEngineFunctions } from '@rekindle/linux';
import { SilentLog } from './fault-log.ts';
import { Ledger } from './ledger.ts';
import { NativeEngine } from './native-engine.ts';
import { PAGE } from './page-states.ts';
import { PrefetchUnits } from './prefetch-units.ts';

const PAGE_SIZE = 4096;
let rehearsed = false;

/** Starts and ends a native loop that installs one page which is there already; once in a process. */
export async function rehearse(functions: FaultEngineFunctions): Promise<void> {
  if (rehearsed) return;
  rehearsed = true;
  const standIn = new EventDescriptor();
  const ledger = Ledger.create(1);
  const units = new PrefetchUnits([{ page: 0, pages: 1, zero: false }], PAGE_SIZE);
  ledger.states[0] = PAGE.installed;
  const engine = new NativeEngine(functions, {
    uffd: standIn.fd,
    pageSize: PAGE_SIZE,
    regions: [{ hostVirtual: 0, size: PAGE_SIZE, offset: 0, pageSize: PAGE_SIZE }],
    layout: [],
    source: 0,
    index: 0,
    want: undefined,
    zeroPage: 0,
    shared: undefined,
    ledger,
    log: new SilentLog(),
  });
  const ended = engine.start();
  await engine.prefetch(units, 1, true);
  engine.stop();
  await ended;
  await engine.close();
  units.close();
  ledger.close();
  standIn.close();
}
