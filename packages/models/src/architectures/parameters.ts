/** @file How many parameters a model has. */
import { elementCount, type WeightStore } from '@auto-circuit/core';

/** Numbers in all weights; tables that are computed (rotary) do not count. */
export const parameterCount = (weights: WeightStore): number =>
  weights.names
    .filter((name) => !name.startsWith('rope.'))
    .reduce((n, name) => n + elementCount(weights.entry(name).shape), 0);
