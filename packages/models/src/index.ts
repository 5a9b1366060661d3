/** @file Model architectures, checkpoint and tokenizer loading, and the small models that AutoCircuit ships. */
export * from './architectures/index.js';
