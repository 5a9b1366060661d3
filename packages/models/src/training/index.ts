/**
 * @file Door `@auto-circuit/models/training`: how the shipped models were made. A small trainer through our own gradients;
 * nothing at run time needs it.
 */
export type { Gpt2Shape } from '../architectures/gpt2.js';
export { ADAM_DEFAULTS, type AdamSettings } from './adam.js';
export { writeHfFolder } from './hf-weights.js';
export {
  type HeldOutPrompt,
  type HeldOutResult,
  TRAINING_DEFAULTS,
  type TrainingReport,
  type TrainingRequest,
  type TrainingSentence,
  type TrainingSettings,
  trainGpt2,
} from './train-gpt2.js';
export type { Weights } from './weights.js';
