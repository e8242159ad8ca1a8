// SPDX-License-Identifier: Apache-2.0
// Loads HTTP servers on this machine, in a process of its own: each line of input, `PORT MILLISECONDS RAMP`,
// is answered by a line: how many requests there were, then the latencies in microseconds of those that were
// answered after the first RAMP milliseconds. Sockets and prepared bytes rather than node:http, whose client
// takes more processor time than the servers that are measured; nothing is allocated for a request, since a
// collection here would be a latency there.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const CONNECTIONS = 16;
const REQUEST = Buffer.from('GET /items?page=3 HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('content-length: ');
const DIGIT = 0x30;

const latencies = new Float64Array(1 << 20);
let [count, counted, countFrom, end] = [0, 0, 0, 0];

/** One connection that sends a request when the one before is answered. */
class Connection {
  #socket;
  #left = -1;
  #sent = 0;
  #done = () => {};

  constructor(port) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (data) => this.#receive(data));
    this.#socket.on('close', () => {
      throw new Error(`the server at port ${port} closed a connection`);
    });
  }

  load() {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#send();
    });
  }

  #send() {
    this.#sent = performance.now();
    this.#socket.write(REQUEST);
  }

  #receive(data) {
    this.#left = this.#left < 0 ? bodyLeft(data) : this.#left - data.length;
    if (this.#left > 0) return;
    this.#left = -1;
    const now = performance.now();
    count++;
    if (now >= countFrom && now < end) latencies[counted++] = (now - this.#sent) * 1000;
    if (now < end) this.#send();
    else this.#done();
  }
}

/** Bytes of the body that are still to come. The head comes at once: it is the first that a server sends. */
function bodyLeft(data) {
  const head = data.indexOf(HEAD_END);
  const at = data.indexOf(LENGTH);
  if (head < 0 || at < 0 || at > head) throw new Error('no answer that this client can read');
  let length = 0;
  for (let i = at + LENGTH.length; data[i] >= DIGIT; i++) length = length * 10 + data[i] - DIGIT;
  return length - (data.length - head - HEAD_END.length);
}

const pools = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const [port, millis, ramp] = line.split(' ').map(Number);
  if (!pools.has(port)) {
    pools.set(port, Array.from({ length: CONNECTIONS }, () => new Connection(port)));
  }
  [count, counted] = [0, 0];
  countFrom = performance.now() + ramp;
  end = countFrom - ramp + millis;
  await Promise.all(pools.get(port).map((connection) => connection.load()));
  const micros = Array.from(latencies.subarray(0, counted), Math.round);
  process.stdout.write(`${count} ${micros.join(' ')}\n`);
}
process.exit();
