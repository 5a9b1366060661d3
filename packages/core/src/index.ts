/** @file Graphs, programs, patch points and runs: the backend-agnostic heart of AutoCircuit. */
export * from './error.js';
export * from './ir/index.js';
