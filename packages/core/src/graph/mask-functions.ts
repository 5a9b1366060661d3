/** @file Mask functions: from learned parameters to how much of each edge is patched, and how that moves with them. */

import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import type { Mask } from './types.js';

/** Hard concrete (Louizos et al. 2018): a stretched sigmoid of parameter and noise, clamped to [0, 1]. */
export const HARD_CONCRETE = { left: -0.1, right: 1.1, temperature: 2 / 3, lowest: 1e-4 } as const;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const { left, right, temperature } = HARD_CONCRETE;
/** Before stretching: σ((ln u − ln(1 − u) + m) / temperature). */
const concrete = (m: number, u: number): number => sigmoid((Math.log(u) - Math.log(1 - u) + m) / temperature);

/** One edge's mask as a function of its parameter m and, where it uses noise, a uniform number u in (0, 1). */
export interface MaskFunction {
  readonly doc: string;
  readonly usesNoise: boolean;
  value(m: number, u: number): number;
  /** ∂value/∂m; 0 where the value is clamped. */
  slope(m: number, u: number): number;
  /** How likely the edge is patched at all: P(value > 0), or the value itself where there is no noise. */
  probability(m: number): number;
  /** ∂probability/∂m. */
  probabilitySlope(m: number): number;
}
/** A mask function, by name. */
export type MaskFunctionName = 'hard-concrete' | 'uniform-gradient' | 'sigmoid' | 'none';

const sigmoidSlope = (x: number): number => sigmoid(x) * (1 - sigmoid(x));
/** P(hard concrete > 0) = σ(m − temperature · ln(−left / right)). */
const openAt = temperature * Math.log(-left / right);

/** From the parameter of an edge to its mask, with the slopes that training needs. */
export const MASK_FUNCTIONS: Readonly<Record<MaskFunctionName, MaskFunction>> = Object.freeze({
  'hard-concrete': {
    doc: 'a stretched sigmoid of parameter and noise, clamped to 0 and 1',
    usesNoise: true,
    value: (m, u) => Math.min(1, Math.max(0, concrete(m, u) * (right - left) + left)),
    slope(m, u) {
      const s = concrete(m, u);
      const stretched = s * (right - left) + left;
      return stretched < 0 || stretched > 1 ? 0 : (s * (1 - s) * (right - left)) / temperature;
    },
    probability: (m) => sigmoid(m - openAt),
    probabilitySlope: (m) => sigmoidSlope(m - openAt),
  },
  // Li and Janson 2024: 0 or 1 by the probability, with a slope where u falls in a window around it. The window's width goes
  // with p(1 − p), so that the expected slope is that of the probability.
  'uniform-gradient': {
    doc: '0 or 1 by the probability sigmoid(parameter), with a slope for samples near the border',
    usesNoise: true,
    value(m, u) {
      const p = sigmoid(m);
      return Math.min(1, Math.max(0, (p - u) / (p * (1 - p)) + 0.5));
    },
    slope(m, u) {
      const p = sigmoid(m);
      return Math.abs(p - u) <= (p * (1 - p)) / 2 ? 1 : 0; // the width is held fixed
    },
    probability: sigmoid,
    probabilitySlope: sigmoidSlope,
  },
  sigmoid: {
    doc: 'sigmoid of the parameter',
    usesNoise: false,
    value: sigmoid,
    slope: sigmoidSlope,
    probability: sigmoid,
    probabilitySlope: sigmoidSlope,
  },
  none: {
    doc: 'the parameter itself',
    usesNoise: false,
    value: (m) => m,
    slope: () => 1,
    probability: (m) => m,
    probabilitySlope: () => 1,
  },
});

/** σ(parameter), elementwise. */
export function sigmoidMask({ perItem, tensors }: Mask): Mask {
  const mapped = Object.entries(tensors).map(
    ([module, { data, shape }]) => [module, floatTensor(data.map(sigmoid) as FloatArray, shape)] as const,
  );
  return { perItem, tensors: Object.fromEntries(mapped) };
}

/**
 * clamp(σ((ln u − ln(1 − u) + m) / temperature) · (right − left) + left, 0, 1).
 * @param parameters m, by destination module, without a batch axis
 * @param uniforms u in (0, 1), by destination module [batch, …]: one sample for each batch item
 */
export function hardConcreteMask(parameters: Mask, uniforms: Readonly<Record<string, Tensor<FloatArray>>>): Mask {
  const { value } = MASK_FUNCTIONS['hard-concrete'];
  const tensors = Object.entries(parameters.tensors).map(([module, { data }]) => {
    const noise = uniforms[module]!; // [batch, …shape of the parameters]
    const out = Float64Array.from(noise.data, (u, i) => value(data[i % data.length]!, u));
    return [module, floatTensor(out, noise.shape)] as const;
  });
  return { perItem: true, tensors: Object.fromEntries(tensors) };
}
