/** @file Room `prompt-set`: what all generators share. Prompts are drawn by seed, checked against a tokenizer, and kept when they fit. No sentence lives here. */
export * from './fill.js';
export * from './one-token.js';
export * from './prompt-set.js';
