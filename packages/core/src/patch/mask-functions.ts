/** @file Mask functions: from learned parameters to how much of each edge is patched. */
import type { Mask } from '../graph/types.js';
import { type FloatArray, floatTensor, type Tensor } from '../ir/tensor.js';

/** Hard concrete (Louizos et al. 2018): a stretched sigmoid of parameter and noise, clamped to [0, 1]. */
export const HARD_CONCRETE = { left: -0.1, right: 1.1, temperature: 2 / 3, lowest: 1e-4 } as const;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** σ(parameter), elementwise. */
export const sigmoidMask = (parameters: Mask): Mask =>
  mapMask(parameters, (tensor) => tensor.data.map(sigmoid) as FloatArray);

/**
 * clamp(σ((ln u − ln(1 − u) + m) / temperature) · (right − left) + left, 0, 1).
 * @param parameters m, by destination module, without an item axis
 * @param uniforms u in (0, 1), by destination module [items, …]: one sample for each item of the batch
 */
export function hardConcreteMask(parameters: Mask, uniforms: Readonly<Record<string, Tensor<FloatArray>>>): Mask {
  const { left, right, temperature } = HARD_CONCRETE;
  const tensors = Object.entries(parameters.tensors).map(([module, { data }]) => {
    const noise = uniforms[module]!; // [items, …shape of the parameters]
    const out = Float64Array.from(noise.data, (u, i) => {
      const s = sigmoid((Math.log(u) - Math.log(1 - u) + data[i % data.length]!) / temperature);
      return Math.min(1, Math.max(0, s * (right - left) + left));
    });
    return [module, floatTensor(out, noise.shape)] as const;
  });
  return { perItem: true, tensors: Object.fromEntries(tensors) };
}

function mapMask(mask: Mask, f: (tensor: Tensor<FloatArray>) => FloatArray): Mask {
  const tensors = Object.entries(mask.tensors).map(
    ([module, tensor]) => [module, floatTensor(f(tensor), tensor.shape)] as const,
  );
  return { perItem: mask.perItem, tensors: Object.fromEntries(tensors) };
}
