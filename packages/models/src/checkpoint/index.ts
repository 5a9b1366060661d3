/** @file Room `checkpoint`: from a model folder or hub name to canonical weights. No forward pass lives here. */

export * from '../hub/resolve-model.js';
export * from '../recipes/index.js';
export * from './canonical.js';
export { parseConfig, type RawConfig, readConfig } from './config.js';
export * from './hf-folder.js';
/** For recipes' tables. */
export * as layouts from './layouts.js';
export * from './processing.js';
export * from './rotary.js';
export * from './weight-cache.js';
export * from './windows.js';
