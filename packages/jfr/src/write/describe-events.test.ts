// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { describeEvents } from './describe-events.ts';

it('describes an event type as a table', () => {
  const text = describeEvents([
    {
      name: 'test.Fault',
      label: 'Page Fault',
      description: 'A fault of a [VM]; takes a | or two',
      category: ['Test', 'Pager'],
      duration: true,
      fields: [
        {
          name: 'address',
          type: 'long',
          label: 'Address',
          unsigned: true,
          content: 'memory-address',
        },
        {
          name: 'action',
          type: { enumeration: 'test.Action', values: ['copy', 'zero'] },
          label: 'Action',
        },
        {
          name: 'space',
          type: {
            struct: 'test.Space',
            fields: [
              {
                name: 'used',
                type: 'int',
                label: 'Used',
                description: '-1: not known',
              },
            ],
          },
          label: 'Space',
        },
      ],
    },
  ]);
  expect(text).toBe(`## test.Fault

**Page Fault**, in Test / Pager. A fault of a \\[VM\\]; takes a \\| or two. Settings: threshold = 0 ns, enabled = true.

| field | type | meaning |
|---|---|---|
| startTime | long | Start Time; a moment, in ticks |
| duration | long | Duration; a time span, in ticks |
| address | unsigned long | Address; an address |
| action | test.Action | Action; one of \`copy\`, \`zero\` |
| space | test.Space | Space |
| space.used | int | Used; -1: not known |
`);
});
