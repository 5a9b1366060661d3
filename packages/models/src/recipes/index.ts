/** @file Room `recipes`: one table per model family, from raw tensors to canonical ones. */
export * from './gemma.js';
export * from './gpt2.js';
export * from './llama.js';
export * from './neox.js';
