/** @file Which copies of weights the products of a program make on the device: moved, packed, and how many bytes are still to come. */
import { type DimSizes, DTYPE_BYTES, elementCount, evaluateShape, OP_TRAITS } from '@auto-circuit/core/backend';
import {
  formKey,
  type ProductPlan,
  planProduct,
  swappedProduct,
  weightGoesLeft,
  withAxes,
} from '../ops/contraction.js';
import { isInPlace } from '../ops/layout.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Plan } from './plan.js';
import type { HeldWeights } from './weight-cache.js';

/** Bytes of the copies of weights, moved and packed, that the products of a run at these sizes will make and that are not there yet. */
export function copiesToMake(plan: Plan, sizes: DimSizes, runtime: Runtime, weights: HeldWeights): number {
  const { traits, heap, transposedWeights } = runtime;
  const coming = new Map<string, number>();
  const shapeOf = (id: number, rank: number): number[] =>
    withAxes(evaluateShape(plan.program.values[id]!.shape, sizes), rank);
  for (const { value } of plan.steps) {
    if (value.op !== 'matmul') continue;
    const shape = evaluateShape(value.shape, sizes);
    let { attributes } = value;
    let [left, right] = value.inputs as unknown as [number, number];
    const planned = (of: readonly number[]): ProductPlan =>
      planProduct(traits, attributes, shapeOf(left, shape.length), shapeOf(right, shape.length), of);
    let product = planned(shape);
    if (weightName(plan, right) && !weightName(plan, left) && weightGoesLeft(traits, product)) {
      const swapped = swappedProduct(attributes, shape);
      attributes = swapped.attributes;
      [left, right] = [right, left];
      product = planned(swapped.shape);
    }
    const sides = [
      { id: left, as: product.shapeA, order: product.layoutsA[0].order, packs: false },
      { id: right, as: product.shapeB, order: product.layoutsB[0].order, packs: traits.packsRightMatrices },
    ];
    for (const { id, as, order, packs } of sides) {
      const name = weightName(plan, id);
      const own = shapeOf(id, shape.length);
      if (!name || elementCount(as) !== elementCount(own)) continue;
      const bytes = DTYPE_BYTES.float * elementCount(own);
      const key = isInPlace(as, order) ? '' : formKey(as, order);
      const weight = weights.get(name);
      const matrix = key === '' ? weight : transposedWeights.made(weight, key);
      if (!matrix && !traits.fastTransposes) coming.set(`${name} ${key}`, bytes);
      if (packs && !(matrix && heap?.isPacked(matrix))) coming.set(`${name} ${key} packed`, bytes);
    }
  }
  return [...coming.values()].reduce((a, b) => a + b, 0);
}

/** The weight that a value stands for, whatever its shape. */
function weightName({ program: { values } }: Plan, id: number): string | undefined {
  const { op, inputs, attributes } = values[id]!;
  if (op === 'weight') return (attributes as { readonly name: string }).name;
  return OP_TRAITS[op].alias ? weightName({ program: { values } } as Plan, inputs[0]!) : undefined;
}
