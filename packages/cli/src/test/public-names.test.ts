/** @file What the package lets out: a name that comes or goes changes this list. */
import { expect, it } from 'vitest';
import * as door from '../index.js';

it('lets out what runs a command line and what types an experiment file', () => {
  expect(Object.keys(door).sort()).toMatchInlineSnapshot(`
    [
      "createProgram",
      "defineExperiment",
      "experimentJsonSchema",
      "main",
    ]
  `);
});
