/** @file Room `architectures`: model families. One file each with its trace; no reading of checkpoints lives here. */
export * from '../families/families.js';
export * from '../families/random-models.js';
export * from './gemma.js';
export * from './gpt2.js';
export * from './layers.js';
export * from './llama.js';
export * from './neox.js';
export * from './token-model.js';
