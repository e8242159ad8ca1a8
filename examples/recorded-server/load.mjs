// SPDX-License-Identifier: Apache-2.0
// node load.mjs [URL] [SECONDS]: asks over and over.
const [, , url = 'http://127.0.0.1:8085/', seconds = '10'] = process.argv;
const end = Date.now() + Number(seconds) * 1000;
let answers = 0;
async function client(number) {
  while (Date.now() < end) {
    try {
      const response = await fetch(`${url}${'o'.repeat((answers + number) % 7)}`);
      await response.arrayBuffer();
      answers++;
    } catch {
      return; // the server has ended
    }
  }
}
await Promise.all(Array.from({ length: 4 }, (_, number) => client(number)));
console.log(`${answers} answers`);
