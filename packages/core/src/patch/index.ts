/** @file Room `patch`: patch points, the two-pass protocol, ablations and `PatchableModel`. Nothing here knows an algorithm. */

export type { ConstantGradient, ConstantGradientRequest } from './constants.js';
export { createPatchableModel, type PatchableModelRequest } from './engine.js';
export { filledMask } from './feeds.js';
export * from './heads.js';
export * from './mask-functions.js';
export type { EdgeMeasure } from './measured-edges.js';
export { checkMemory, type MemoryCheck } from './memory-check.js';
export { cutsOf } from './micro-batches.js';
export { capturePoints, contribution, makePoints, plainPoints, type SourceParts, type TraceScope } from './modes.js';
export * from './norm.js';
export * from './points.js';
export * from './programs.js';
export { behindPrefix, sharedPrefixLength, withoutPrefix } from './shared-prefix.js';
export * from './types.js';
