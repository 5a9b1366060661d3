/** @file Graphs, programs, patch points and runs: the backend-agnostic heart of AutoCircuit. */

export * from '../data/index.js';
export * from '../error.js';
export * from '../graph/index.js';
export * from '../ir/index.js';
export * from '../numeric/adam.js';
export * from '../numeric/counter-random.js';
export * from '../objectives/index.js';
export * from '../patch/index.js';
export * from '../plugin/index.js';
export * from '../run/index.js';
