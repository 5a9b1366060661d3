/** @file Room `patch`: patch points, the two-pass protocol, ablations and `PatchableModel`. Nothing here knows an algorithm. */

export * from '../graph/mask-functions.js';
export * from '../model/head-projections.js';
export * from '../model/norm.js';
export * from '../model/patch-points.js';
export { createPatchableModel, type PatchableModelRequest } from './engine.js';
export { filledMask } from './exec/feeds.js';
export { checkMemory, type MemoryCheck } from './exec/memory-check.js';
export { cutsOf } from './exec/micro-batches.js';
export {
  capturePoints,
  contribution,
  makePoints,
  plainPoints,
  type SourceParts,
  type TraceScope,
} from './modes/points.js';
export * from './patchable-model.js';
export type { EdgeMeasure } from './programs/measured-edges.js';
export * from './programs/programs.js';
export type { ConstantGradient, ConstantGradientRequest } from './runs/constants.js';
export { behindPrefix, sharedPrefixLength, withoutPrefix } from './runs/shared-prefix.js';
