/** @file Room `testing`: contract suites for plugin authors and small models to run them on; no test runner is imported. */
export * from './contract.js';
export * from './contribution-checks.js';
export * from './metric-contexts.js';
export * from './metric-contract.js';
export * from './micro-model.js';
export * from './prune-algo-contexts.js';
export * from './prune-algo-contract.js';
