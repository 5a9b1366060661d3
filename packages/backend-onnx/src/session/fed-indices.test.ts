import { intTensor, ProgramBuilder } from '@auto-circuit/core/backend';
import { expect, it } from 'vitest';
import { checkFedIndices, indexUses } from './fed-indices.js';

const b = new ProgramBuilder('indices');
const tokens = b.input('tokens', 'int', ['n']);
const places = b.input('places', 'int', ['n']);
const embedding = b.gather(b.weight('W_E', [50, 3]), tokens, 0);
b.gather(b.weight('W_E', [50, 3]), tokens, 0);
b.gather(embedding, b.add(places, 1), 0);
b.scatterAdd(embedding, places, 0, 'n');
const uses = indexUses(b.build());
const check = (token: number, place: number): void =>
  checkFedIndices(uses, { tokens: intTensor([0, token], [2]), places: intTensor([place, 1], [2]) }, { n: 2 });

it('knows each fed input that is used as indices once for each size; computed indices are not among them', () => {
  expect(uses.map(({ input }) => input)).toEqual(['tokens', 'places']);
});
it('takes indices from 0 to the size less one, also of a symbol', () => {
  expect(() => check(49, 0)).not.toThrow();
});
it.each([
  ['a token', 50, 0, { index: 50, size: 50 }],
  ['the last row counted from the end', -1, 0, { index: -1, size: 50 }],
  ['a place past a symbol', 0, 2, { index: 2, size: 2 }],
])('refuses %s', (_, token, place, fields) => {
  expect(() => check(token, place)).toThrow(expect.objectContaining({ code: 'index-out-of-range', fields }));
});
