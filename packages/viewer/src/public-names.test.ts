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
  const lists = [
    ...readFileSync(new URL('./index.ts', import.meta.url), 'utf8').matchAll(/^export (type )?\{([^}]*)\}/gm),
  ];
  const types = lists.flatMap(([, all, names]) =>
    [...names!.matchAll(all ? /(\w+)/g : /type (\w+)/g)].map(([, name]) => name!),
  );
  expect(types.sort().join('\n')).toMatchInlineSnapshot(`
    "AreaFigure
    ComparedRun
    ComparisonInput
    KnownCircuitFigure
    Overlap
    RunFigures
    RunGroup"
  `);
});
