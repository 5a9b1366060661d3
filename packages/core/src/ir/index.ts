/** @file Room `ir`: programs. What a model (or its gradient) is, independent of any runtime; no model and no backend but the interpreter lives here. */
export * from '../backend/backend.js';
export * from '../backend/check-feeds.js';
export * from '../backend/interpreter/interpreter.js';
export * from '../backend/memory-weights.js';
export * from '../tensor/tensor.js';
export * from './analysis/memory.js';
export type { BackwardRule } from './autodiff/backward-overrides.js';
export { geluTanhSlope } from './autodiff/composite-vjps.js';
export * from './autodiff/gradient.js';
export * from './builder.js';
export * from './check.js';
export * from './dims.js';
export * from './ops/shape-rules.js';
export * from './passes/pad-elimination.js';
export * from './passes/simplify.js';
export * from './passes/slice-pushdown.js';
export * from './print.js';
export * from './program.js';
