/** @file Several requests on the same prompts as one run: their batches one after the other, and taken apart again. */

import type { Feeds } from '../../backend/backend.js';
import { programInputs } from '../../backend/check-feeds.js';
import { AutoCircuitError } from '../../errors/error.js';
import { dimsEqual, toDim } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { PromptGradients } from '../requests/patchable-model.js';

/**
 * The feeds of several runs of a program, one after the other along the axis that it calls `batch`. An input without that axis
 * must be fed the same in all.
 * @throws AutoCircuitError `internal` for tensors of different sizes
 */
export function concatFeeds(program: Program, feeds: readonly Feeds[]): Feeds {
  const joined = programInputs(program).map(({ attributes: { name }, shape }) => {
    const tensors = feeds.map((feed) => feed[name]!);
    const axis = shape.findIndex((dim) => dimsEqual(dim, toDim('batch')));
    return [name, axis < 0 ? tensors[0]! : concatAlong(tensors, axis)] as const;
  });
  return Object.fromEntries(joined);
}

/**
 * Tensors of one shape, one after the other along an axis.
 * @throws AutoCircuitError `internal` for tensors of different sizes
 */
export function concatAlong(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors as [Tensor];
  const { shape, dtype, data } = first;
  const outer = shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const inner = data.length / outer;
  const out = new (data.constructor as new (length: number) => typeof data)(data.length * tensors.length);
  for (let o = 0; o < outer; o++) {
    tensors.forEach((tensor, t) => {
      if (tensor.data.length !== data.length) throw unequal(shape, tensor.shape);
      out.set(tensor.data.subarray(o * inner, (o + 1) * inner) as never, (o * tensors.length + t) * inner);
    });
  }
  return { dtype, data: out, shape: shape.map((d, i) => (i === axis ? d * tensors.length : d)) } as Tensor;
}

const unequal = (expected: readonly number[], got: readonly number[]): AutoCircuitError =>
  new AutoCircuitError({
    code: 'internal',
    where: 'core/patch',
    what: 'runs of the same prompts are fed tensors of different sizes',
    expected: `[${expected.join(', ')}]`,
    got: `[${got.join(', ')}]`,
    kind: 'internal',
  });

/** The prompts `start` to `stop` of what a run gave for all of them. */
export function slicePrompts(
  { tensors, losses, neurons }: PromptGradients,
  start: number,
  stop: number,
): PromptGradients {
  return {
    tensors: sliceAll(tensors, start, stop),
    ...(losses ? { losses: losses.slice(start, stop) } : {}),
    ...(neurons ? { neurons: sliceAll(neurons, start, stop) } : {}),
  };
}

/** Rows of every tensor [prompts, …]. */
function sliceAll(tensors: PromptGradients['tensors'], start: number, stop: number): PromptGradients['tensors'] {
  return Object.fromEntries(
    Object.entries(tensors).map(([module, { data, shape }]) => {
      const slab = data.length / shape[0]!;
      return [module, floatTensor(data.slice(start * slab, stop * slab), [stop - start, ...shape.slice(1)])] as const;
    }),
  );
}
