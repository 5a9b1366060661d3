/** @file The names of the door `@auto-circuit/viewer`: adding, renaming or taking one away changes what users can import. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('offers these values', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "renderComparison
    renderReport"
  `);
});

it('offers these types', () => {
  const list = readFileSync(new URL('./index.ts', import.meta.url), 'utf8');
  expect(list.match(/\btype (\w+|\{[^}]*\})/g)!.join('\n')).toMatchInlineSnapshot(`
    "type { ComparedRun }
    type ComparisonInput
    type Overlap
    type RunGroup
    type { AreaFigure, KnownCircuitFigure, RunFigures }"
  `);
});
