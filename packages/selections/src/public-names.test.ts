import { expect, it } from 'vitest';
import * as door from './index.js';

it('the door has these values and no others: what changes here, users see', () => {
  expect(Object.keys(door).sort()).toEqual(['default', 'ilp', 'ratio', 'selectionsPlugin']);
});
