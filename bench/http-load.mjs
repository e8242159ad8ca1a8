// SPDX-License-Identifier: Apache-2.0
// Loads HTTP servers on this machine, in a process of its own: each line of input, `PORT MILLISECONDS`,
// is answered by a line of latencies in microseconds. Sockets and prepared bytes rather than node:http,
// whose client takes more processor time than the servers that are measured.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const CONNECTIONS = 16;
const REQUEST = Buffer.from('GET /items?page=3 HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');

/** One connection that sends a request when the one before is answered. */
class Connection {
  #socket;
  #left = -1;
  #head = Buffer.alloc(0);
  #sent = 0;
  #latencies = [];
  #end = 0;
  #done = () => {};

  constructor(port) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (data) => this.#receive(data));
    this.#socket.on('close', () => {
      throw new Error(`the server at port ${port} closed a connection`);
    });
  }

  load(end) {
    this.#end = end;
    this.#latencies = [];
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
    if (this.#left < 0) {
      const head = this.#head.length === 0 ? data : Buffer.concat([this.#head, data]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) {
        this.#head = head;
        return;
      }
      const length = /content-length: (\d+)/i.exec(head.latin1Slice(0, end));
      this.#left = Number(length[1]) - (head.length - end - HEAD_END.length);
      this.#head = Buffer.alloc(0);
    } else {
      this.#left -= data.length;
    }
    if (this.#left > 0) return;
    this.#left = -1;
    const now = performance.now();
    this.#latencies.push(Math.round((now - this.#sent) * 1000));
    if (now < this.#end) this.#send();
    else this.#done(this.#latencies);
  }
}

const pools = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const [port, millis] = line.split(' ').map(Number);
  if (!pools.has(port)) {
    pools.set(port, Array.from({ length: CONNECTIONS }, () => new Connection(port)));
  }
  const end = performance.now() + millis;
  const latencies = await Promise.all(pools.get(port).map((connection) => connection.load(end)));
  process.stdout.write(`${latencies.flat().join(' ')}\n`);
}
process.exit();
