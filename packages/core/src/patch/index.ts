/** @file Room `patch`: patch points, the two-pass protocol, ablations and `PatchableModel`. Nothing here knows an algorithm. */
export * from './points.js';
export * from './types.js';
export { createPatchableModel, cutsOf, type PatchableModelRequest } from './engine.js';
export { filledMask, maskShape } from './feeds.js';
export { capturePoints, makePoints, plainPoints, type SourceParts, type TraceScope } from './modes.js';
export * from './programs.js';
