/** @file Room `patch`: patch points, the two-pass protocol, ablations and `PatchableModel`. Nothing here knows an algorithm. */
export * from './points.js';
export * from './types.js';
