import { expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { floatTensor } from '../../tensor/tensor.js';
import { prefixInputName, prependPrefix } from './prefix-kv.js';

it('the keys of a prefix come before a module’s own, the same for every head of a group', () => {
  const b = new ProgramBuilder('prefix');
  const own = b.input('own', 'float', [1, 2, 'batch', 'pos', 1]); // two heads that share one group's keys
  b.output('keys', prependPrefix(b, 'L0.attn', 'k', own, 2));
  const feeds = {
    own: floatTensor(Float64Array.of(1, 2, 3, 4), [1, 2, 2, 1, 1]),
    [prefixInputName('L0.attn', 'k')]: floatTensor(Float64Array.of(10, 11, 20, 21), [1, 1, 2, 2, 1]),
  };
  const { keys } = interpret(b.build(), feeds, memoryWeights({}));
  // by head and prompt: the prompt's two prefix keys, then its own
  expect(keys).toMatchObject({
    shape: [1, 2, 2, 3, 1],
    data: Float64Array.of(10, 11, 1, 20, 21, 2, 10, 11, 3, 20, 21, 4),
  });
});
