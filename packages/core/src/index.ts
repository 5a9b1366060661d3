/** @file Graphs, programs, patch points and runs: the backend-agnostic heart of AutoCircuit. */

export * from './adam.js';
export * from './data/index.js';
export * from './error.js';
export * from './graph/index.js';
export * from './ir/index.js';
export * from './objectives/index.js';
export * from './patch/index.js';
export * from './plugin/index.js';
export * from './random.js';
export * from './run/index.js';
