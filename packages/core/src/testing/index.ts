/**
 * @file Room `testing`: what plugin and backend authors test with: contract suites, small models and random programs.
 * Published as `@auto-circuit/core/testing`; imports no test runner.
 */
export * from './agreement.js';
export * from './architecture-contract.js';
export * from './backend-contract.js';
export * from './composite-cases.js';
export * from './contract.js';
export * from './contribution-checks.js';
export * from './metric-contexts.js';
export * from './metric-contract.js';
export * from './micro-model.js';
export * from './model-cases.js';
export * from './op-cases.js';
export * from './prune-algo-contexts.js';
export * from './prune-algo-contract.js';
export * from './random-program.js';
export * from './roundings.js';
export { tinyPrompts, tinyTransformer } from './tiny-transformer.js';
