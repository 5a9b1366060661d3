/** @file Room `training`: how the shipped models were made. A small trainer through our own gradients; nothing at run time needs it. */
export type { Gpt2Shape } from '../architectures/gpt2.js';
export * from './adam.js';
export * from './hf-weights.js';
export * from './programs.js';
export * from './train-gpt2.js';
export * from './weights.js';
