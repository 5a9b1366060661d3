/**
 * @file Model architectures, checkpoint and tokenizer loading, and the small models that AutoCircuit ships.
 * @module
 */
export * from './architectures/index.js';
export * from './autoencoders/index.js';
export * from './checkpoint/index.js';
export * from './compiled/index.js';
export * from './load-model.js';
export * from './named/index.js';
export { modelsPlugin, modelsPlugin as default } from './plugin.js';
export * from './shipped/index.js';
export * from './tokenizer/index.js';
