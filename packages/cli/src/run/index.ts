/** @file Room `run`: from the command line to what `discover` and its kin are asked. */
export * from './flags.js';
export * from './open.js';
export * from './request.js';
export { parseSizes } from './sizes.js';
