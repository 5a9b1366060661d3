/** @file Room `graph`: nodes, edges, prune scores and circuits of a model. Nothing here runs a model. */
export * from './build.js';
export * from './circuit.js';
export * from './circuit-json.js';
export * from './circuit-sizes.js';
export * from './eap-ig-format.js';
export * from './edge-ranking.js';
export * from './edge-ranking-names.js';
export * from './edges.js';
export * from './greedy.js';
export * from './kv-inputs.js';
export * from './score-index.js';
export * from './scores.js';
export * from './types.js';
