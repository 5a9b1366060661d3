/** @file The names of the package. */
import { expect, it } from 'vitest';
import * as names from './index.js';

it('exports these names', () => {
  expect(Object.keys(names).sort()).toEqual(['bullmqExecutor', 'bullmqPlugin', 'default']);
});
