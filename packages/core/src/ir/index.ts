/** @file Room `ir`: programs. What a model (or its gradient) is, independent of any runtime; no model and no backend but the interpreter lives here. */
export * from './backend.js';
export type { BackwardRule } from './backward-rules.js';
export * from './builder.js';
export * from './check.js';
export { geluTanhSlope } from './composite-gradients.js';
export * from './dims.js';
export * from './feeds.js';
export * from './gradient.js';
export * from './interpreter.js';
export * from './pad-late.js';
export * from './print.js';
export * from './program-memory.js';
export * from './shape-rules.js';
export * from './simplify.js';
export * from './slice-early.js';
export * from './tensor.js';
export * from './types.js';
export * from './weights.js';
