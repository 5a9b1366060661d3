import { ProgramBuilder } from '@auto-circuit/core/backend';
import { expect, it } from 'vitest';
import { weightViews } from './weight-views.js';

const b = new ProgramBuilder('views');
const w = b.weight('w', [4, 6]);
const row = b.slice(w, 0, 1, 3); // [2, 6]
const heads = b.reshape(row, [2, 3, 2]);
const second = b.stopGradient(b.slice(heads, 0, 1, 2)); // [1, 3, 2]
const inner = b.slice(second, 1, 1, 3); // [1, 2, 2]
const column = b.slice(w, 1, 0, 2);
const moved = b.transpose(w, [1, 0]);
const spread = b.broadcast(w, ['n', 4, 6]);
b.input('x', 'float', ['n']);
const views = weightViews(b.build());

it('follows reshapes, stops of gradients and leading slices: no numbers are copied', () => {
  expect(views.get(w.id)).toEqual({ weight: 'w', offset: 0, shape: [4, 6] });
  expect(views.get(row.id)).toEqual({ weight: 'w', offset: 6, shape: [2, 6] });
  expect(views.get(heads.id)).toEqual({ weight: 'w', offset: 6, shape: [2, 3, 2] });
  expect(views.get(second.id)).toEqual({ weight: 'w', offset: 12, shape: [1, 3, 2] });
  expect(views.get(inner.id)).toEqual({ weight: 'w', offset: 14, shape: [1, 2, 2] });
});
it('follows nothing whose numbers do not lie together', () => {
  for (const value of [column, moved, spread]) expect(views.has(value.id), value.op).toBe(false);
});
