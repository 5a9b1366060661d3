import { expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { floatTensor } from '../../tensor/tensor.js';
import { ProgramBuilder } from './builder.js';
import { ProgramPart } from './program-part.js';

it('copies what leads from a stand-in to a value, and nothing before', async () => {
  const whole = new ProgramBuilder('whole');
  const x = whole.input('x', 'float', ['n']);
  const weight = whole.weight('w', [1]);
  const middle = whole.mul(whole.exp(x), weight); // [n]
  const shared = whole.add(weight, 1); // [1]
  const end = whole.role(whole.add(whole.mul(middle, middle), shared), 'end'); // [n]
  const b = new ProgramBuilder('part');
  const part = new ProgramPart(whole, b);
  part.replace(middle, b.input('middle', 'float', middle.shape));
  const taken = part.take(end);
  b.output('end', taken);
  expect(part.take(end)).toBe(taken);
  expect(taken.role).toBe('end');
  const program = b.build();
  expect(program.values.map(({ op }) => op)).toEqual(['input', 'weight', 'constant', 'add', 'mul', 'add']);
  const weights = memoryWeights({ w: { shape: [1], data: Float32Array.of(3) } });
  const executable = await interpreterBackend().compile(program, weights);
  const results = await executable.run({ middle: floatTensor(Float32Array.of(2, 5), [2]) });
  expect([...results.end!.data]).toEqual([2 * 2 + 4, 5 * 5 + 4]);
});

it('keeps the mark of a composite where its input is in the part', () => {
  const whole = new ProgramBuilder('whole');
  const x = whole.input('x', 'float', ['n']);
  const inner = whole.sigmoid(x);
  const silu = whole.composite(whole.mul(x, inner), 'silu', [x]);
  const take = (stop: typeof x) => {
    const b = new ProgramBuilder('part');
    const part = new ProgramPart(whole, b);
    part.replace(stop, b.input('stop', 'float', stop.shape));
    return part.take(silu).composite?.inputs;
  };
  expect(take(x)).toEqual([0]);
});
