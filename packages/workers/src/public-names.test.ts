/** @file What the package lets out: a name that comes or goes changes this list. */
import { expect, it } from 'vitest';
import * as door from './index.js';

it('lets out the two ways to start a backend and nothing else', () => {
  expect(Object.keys(door).sort()).toMatchInlineSnapshot(`
    [
      "backendInThread",
      "backendPool",
    ]
  `);
});
