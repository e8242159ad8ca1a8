// SPDX-License-Identifier: Apache-2.0
// What recording costs an HTTP server: the same server, started once plain and once with each way of
// watching it, all loaded in turns over kept connections by one process (http-load.mjs). In every round the
// processes are new, since V8 does not compile a program twice alike. A turn is compared with the plain
// server's turn beside it: the speed of a virtual machine differs by a quarter from one minute to the next.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { quantile } from './statistics.ts';

const SERVER = fileURLToPath(new URL('./recorder-server.mjs', import.meta.url));
const LOAD = fileURLToPath(new URL('./http-load.mjs', import.meta.url));
/** Milliseconds of load in which a server gets warm, and in one of its turns. */
const WARM = 1500;
const TURN = 1000;
// A server that rested is put onto a processor anew, often onto the client's at first: then both wait for
// each other for milliseconds, the more so where the server has timers. In turns of 250 ms an empty timer
// alone cost 17 % of p99, in turns of a second nothing. So the beginning of a turn does not count.
const RAMP = 200;

// V8 lets its young generation grow from 1 to 16 MiB as more survives in it, and the larger one costs the
// caches: 3 % of a server that had nothing but more modules loaded. So all begin with what a server has
// that ran for a while. For the same reason each is asked for a full collection when it is warm: the first
// one of a process comes with its first 10 MB, which the plain server has not and every other one has. And
// V8 shrinks the heap of a process that rests, which only happens here, where the others have their turn.
const SETTLED = ['--min-semi-space-size=16', '--expose-gc', '--no-memory-reducer'];

/** A way to start the server. */
export interface Variant {
  readonly name: string;
  /** Arguments of Node.js. */
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A peer that the server itself tells of each request. */
  readonly peer?: 'opentelemetry' | 'pino';
}

/** What a server did in one turn. */
export interface Load {
  readonly perSecond: number;
  /** Microseconds. */
  readonly p99: number;
  /** Microseconds of processor time a request, of all threads of the process. */
  readonly cpu: number;
}

interface Running {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

/** Loads each variant of a server `turns` times in each of `rounds`; the answer has a Load for each turn. */
export async function loadServers(
  kind: 'small' | 'service',
  variants: readonly Variant[],
  { rounds, turns }: { readonly rounds: number; readonly turns: number },
): Promise<Map<string, Load[]>> {
  const found = new Map(variants.map(({ name }): [string, Load[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const client = spawn(process.execPath, [...SETTLED, LOAD], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: client.stdout! })[Symbol.asyncIterator]();
    const load = async (port: number, millis: number): Promise<number[]> => {
      client.stdin!.write(`${port} ${millis} ${RAMP}\n`);
      const { value } = (await lines.next()) as { value: string };
      return value.split(' ').map(Number);
    };
    const servers: Running[] = [];
    // nobody is always the first to start
    const order = variants.map((_, index) => variants[(index + round) % variants.length]!);
    for (const variant of order) servers.push(await start(kind, variant));
    for (const { port, child } of servers) {
      await load(port, WARM);
      child.stdin!.write('collect\n');
      await once(child.stdout!, 'data');
    }
    for (let turn = 0; turn < turns; turn++) {
      // each begins a turn as often as the others, and has either neighbour before it
      const first = (round + turn) % servers.length;
      const inTurn = [...servers.slice(first), ...servers.slice(0, first)];
      for (const server of turn % 2 === 0 ? inTurn : inTurn.reverse()) {
        const before = cpuNanos(server.child.pid!);
        const [requests, ...latencies] = await load(server.port, TURN);
        found.get(server.name)!.push({
          perSecond: latencies.length / ((TURN - RAMP) / 1000),
          p99: quantile(latencies, 0.99),
          // of all requests: those at the beginning of a turn are not in the latencies
          cpu: (cpuNanos(server.child.pid!) - before) / 1000 / requests!,
        });
      }
    }
    client.stdin!.end();
    await once(client, 'exit');
    for (const { child } of servers) {
      child.stdin!.end();
      await once(child, 'exit');
    }
  }
  return found;
}

/** One variant's figure to another's, in each turn. */
export function ratios(loads: readonly Load[], to: readonly Load[], of: keyof Load): number[] {
  return loads.map((load, turn) => load[of] / to[turn]![of]);
}

async function start(kind: string, variant: Variant): Promise<Running> {
  const { args = [], environment = {}, peer } = variant;
  const own = peer === undefined ? [] : [peer];
  const child = spawn(process.execPath, [...SETTLED, ...args, SERVER, kind, ...own], {
    // --cpu-prof prints whatever another profiler of the process does
    stdio: ['pipe', 'pipe', args.includes('--cpu-prof') ? 'ignore' : 'inherit'],
    env: { ...process.env, ...environment },
  });
  const [port] = await once(child.stdout!, 'data');
  return { name: variant.name, child, port: Number(port) };
}

/** Processor time of the threads of a process that are there now. */
function cpuNanos(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    nanos += Number(text.slice(0, text.indexOf(' ')));
  }
  return nanos;
}
