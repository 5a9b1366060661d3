/** @file Room `objectives`: the scalars that gradients are taken of, by name and as program fragments. */

export * from './answers.js';
export * from './by-batch.js';
export * from './fragment.js';
export * from './names.js';
export * from './on-logits.js';
export {
  meanOverAnswers,
  meanOverPositions,
  outputRows,
  positionRows,
  promptTargets,
} from './output-rows.js';
export * from './token-functions.js';
export * from './types.js';
