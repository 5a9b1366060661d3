import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { floatTensor, intTensor } from '../../tensor/tensor.js';
import { microModel } from '../../testing/micro-model.js';
import { graphOf } from '../../testing/patched-logits.js';
import { INTERPOLATED_ALPHA, INTERPOLATED_BLOCK, interpolatedPoints } from './interpolated.js';
import { plainPoints } from './plain.js';

// one head that multiplies by (2, −1), on x = (1, 2): it writes (2, −2), and the end is (3, 0)
const MODEL = microModel([[[2, -1]]]);
/** The end of a run in which a block (0 is the input, 1 the head) is replaced; and its gradient by x. */
function run(block: number, alpha: number, patch: readonly number[] | null) {
  const graph = graphOf(MODEL);
  const b = new ProgramBuilder('interpolated');
  const x = b.input('x', 'float', ['batch', 'pos', 2]);
  const weight = (name: string, shape: readonly number[]) => b.weight(name, shape);
  const points = interpolatedPoints(graph, plainPoints({ builder: b, graph, input: x, weight }), (_block, shape) => ({
    current: b.broadcast(b.input('current', 'float', [2]), shape),
    patch: patch && b.broadcast(b.input('patch', 'float', [2]), shape),
  }));
  const end = MODEL.trace(points);
  b.output('end', end);
  b.output('gradient', gradient(b, b.sum(end, [0, 1, 2]), [x])[0]!);
  const feeds = {
    x: floatTensor(Float64Array.of(1, 2), [1, 1, 2]),
    current: floatTensor(Float64Array.of(10, 20), [2]),
    ...(patch ? { patch: floatTensor(Float64Array.from(patch), [2]) } : {}),
    [INTERPOLATED_BLOCK]: intTensor(Int32Array.of(block), [1]),
    [INTERPOLATED_ALPHA]: floatTensor(Float64Array.of(alpha), [1]),
  };
  const results = interpret(b.build(), feeds, MODEL.weights);
  return { end: [...results.end!.data], gradient: [...results.gradient!.data] };
}

describe('the interpolated mode', () => {
  it('replaces what the chosen block writes by patch + alpha · (current − patch)', () => {
    // the head: (30, 40) + 0.25 · (−20, −20) = (25, 35)
    expect(run(1, 0.25, [30, 40]).end).toEqual([1 + 25, 2 + 35]);
    // the input: (25, 35), which the head then reads
    expect(run(0, 0.25, [30, 40]).end).toEqual([25 + 50, 35 - 35]);
  });
  it('takes a missing patch for zeros', () => expect(run(1, 0.25, null).end).toEqual([1 + 2.5, 2 + 5]));
  it('replaces nothing else', () => expect(run(7, 0.25, [30, 40]).end).toEqual([3, 0]));
  it('lets no gradient pass into what the block would have computed', () => {
    expect(run(7, 0.25, [30, 40]).gradient).toEqual([3, 0]);
    expect(run(1, 0.25, [30, 40]).gradient).toEqual([1, 1]);
    expect(run(0, 0.25, [30, 40]).gradient).toEqual([0, 0]);
  });
});
