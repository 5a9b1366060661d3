/**
 * @file Door `@auto-circuit/core/backend`: what the author of a backend needs: programs, their operations and shapes, executables, weights.
 * @module
 */
export type {
  Backend,
  BackendInfo,
  BackendMemory,
  BackendSettings,
  CompileHint,
  Executable,
  Feeds,
  HalfDType,
  Results,
  WeightEntry,
  WeightStore,
} from '../backend/backend.js';
export {
  checkedDevice,
  checkedThreads,
  checkWeightShape,
  indexOutOfRange,
  runAfterDispose,
} from '../backend/backend-checks.js';
export { checkFeeds, programInputs } from '../backend/check-feeds.js';
export {
  type InterpreterSettings,
  interpret,
  interpreterBackend,
  type Precision,
} from '../backend/interpreter/interpreter.js';
export { type MemoryWeight, memoryWeights } from '../backend/memory-weights.js';
export { AutoCircuitError } from '../errors/error.js';
export { widened } from '../files/safetensors.js';
export {
  countReaders,
  type Liveness,
  type LivenessQuestion,
  liveness,
  programLiveness,
} from '../ir/analysis/liveness.js';
export { type ProgramMemory, programMemory } from '../ir/analysis/memory.js';
export { isFilled, scalarOperands } from '../ir/analysis/scalar-operands.js';
export { geluTanhSlope } from '../ir/autodiff/composite-vjps.js';
export { gradient } from '../ir/autodiff/gradient.js';
export { type Operand, ProgramBuilder } from '../ir/builder/builder.js';
export { checkProgram } from '../ir/builder/check.js';
export {
  type AxisTrait,
  OP_TRAITS,
  type OpKind,
  type OpsWith,
  type OpTraits,
  type ZeroTrait,
} from '../ir/ops/op-traits.js';
export { eliminatePads } from '../ir/passes/pad-elimination.js';
export { simplify } from '../ir/passes/simplify.js';
export { pushDownSlices } from '../ir/passes/slice-pushdown.js';
export {
  addDims,
  broadcastShapes,
  type Dim,
  type DimLike,
  type DimPolynomial,
  type DimSizes,
  dimKey,
  dimsEqual,
  evaluateDim,
  evaluateShape,
  mayBeEmpty,
  multiplyDims,
  SELECTED,
  type Shape,
  shapeKey,
  shapesEqual,
  sizeOf,
  subtractDims,
  symbolsOf,
  toShape,
} from '../ir/program/dims.js';
export { printProgram } from '../ir/program/print.js';
export type {
  AnyValue,
  Composite,
  CompositeKind,
  OpAttributes,
  OpName,
  Program,
  ProgramOutput,
  Value,
} from '../ir/program/program.js';
export {
  captureProgram,
  patchedProgram,
  patchInputName,
  plainProgram,
  sourceOutputName,
} from '../patch/programs/programs.js';
export { type BackendDefinition, defineBackend, type ProbeLine } from '../plugin/backend-definition.js';
export { definePlugin } from '../plugin/contributions.js';
export {
  DTYPE_BYTES,
  type DType,
  elementCount,
  type FloatArray,
  floatTensor,
  intTensor,
  type Tensor,
  type TensorData,
} from '../tensor/tensor.js';
