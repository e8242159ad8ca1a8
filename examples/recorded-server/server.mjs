// SPDX-License-Identifier: Apache-2.0
// A small HTTP server with a hot method, some garbage, and an event of its own.
import { createServer } from 'node:http';
import { eventHandle } from '@rekindle/recorder';

const Order = {
  name: 'shop.Order',
  label: 'Order',
  category: ['Shop'],
  duration: true,
  thread: true,
  stackTrace: true,
  fields: [
    { name: 'items', type: 'int', label: 'Items' },
    { name: 'total', type: 'long', label: 'Total' },
  ],
};
const orders = eventHandle(Order);

function price(item) {
  let sum = 0;
  for (let step = 1; step < 20_000; step++) sum += Math.sqrt(item * step);
  return Math.round(sum);
}

function priced(_, id) {
  return { id, price: price(id), note: 'x'.repeat(200) };
}

function order(count) {
  const event = orders.begin();
  const items = Array.from({ length: count }, priced);
  const total = items.reduce((sum, item) => sum + item.price, 0);
  event.commit({ items: count, total });
  return { items, total };
}

const server = createServer(function answer(request, response) {
  const count = 1 + (request.url.length % 7);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(order(count)));
});
server.listen(Number(process.env.PORT ?? 8085), '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`http://${address}:${port}/ is process ${process.pid}`);
});
