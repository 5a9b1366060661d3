/** @file Several requests on the same prompts as one run: their items one after the other, and taken apart again. */

import type { Feeds } from '../../backend/backend.js';
import { programInputs } from '../../backend/check-feeds.js';
import { AutoCircuitError } from '../../errors/error.js';
import { dimsEqual, toDim } from '../../ir/program/dims.js';
import type { Program } from '../../ir/program/program.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { PromptGradients } from '../requests/patchable-model.js';

/** The feeds of several runs joined along the axis that the program calls `batch`; what has none must be the same in all. */
export function itemsJoined(program: Program, feeds: readonly Feeds[]): Feeds {
  const joined = programInputs(program).map(({ attributes: { name }, shape }) => {
    const tensors = feeds.map((feed) => feed[name]!);
    const axis = shape.findIndex((dim) => dimsEqual(dim, toDim('batch')));
    return [name, axis < 0 ? tensors[0]! : joinedAlong(tensors, axis)] as const;
  });
  return Object.fromEntries(joined);
}

/** Tensors of one shape, one after the other along an axis. */
export function joinedAlong(tensors: readonly Tensor[], axis: number): Tensor {
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
    where: 'core/patch',
    what: 'runs of the same prompts are fed tensors of different sizes',
    expected: `[${expected.join(', ')}]`,
    got: `[${got.join(', ')}]`,
    kind: 'internal',
  });

/** Prompts `start` to `stop` of what a run gave for all of them. */
export function itemsOf({ tensors, losses, neurons }: PromptGradients, start: number, stop: number): PromptGradients {
  return {
    tensors: ofAll(tensors, start, stop),
    ...(losses ? { losses: losses.slice(start, stop) } : {}),
    ...(neurons ? { neurons: ofAll(neurons, start, stop) } : {}),
  };
}
function ofAll(tensors: PromptGradients['tensors'], start: number, stop: number): PromptGradients['tensors'] {
  return Object.fromEntries(
    Object.entries(tensors).map(([module, { data, shape }]) => {
      const slab = data.length / shape[0]!;
      return [module, floatTensor(data.slice(start * slab, stop * slab), [stop - start, ...shape.slice(1)])] as const;
    }),
  );
}
