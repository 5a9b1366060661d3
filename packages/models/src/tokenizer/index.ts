/** @file Room `tokenizer`: text to token ids and back, from a model folder. */
export * from './tokenizer.js';
