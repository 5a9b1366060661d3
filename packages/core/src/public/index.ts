/**
 * @file Front door `@auto-circuit/core`: what a script needs. Graphs, prompts, scores and circuits, and a model that can be patched.
 * @module
 */
export type { Backend } from '../backend/backend.js';
export { interpreterBackend } from '../backend/interpreter/interpreter.js';
export { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
export { AutoCircuitError } from '../errors/error.js';
export { openSafetensors } from '../files/safetensors.js';
export { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
export { connectedPart, makeCircuit, maskFromEdges } from '../graph/circuit.js';
export { circuitToJson, parseCircuitJson } from '../graph/circuit-json.js';
export type { SelectionName } from '../graph/edge-ranking-names.js';
export { allEdges, edgeAt, edgeNumber, edgesByName } from '../graph/edges.js';
export { flattenScores, unflattenScores } from '../graph/score-index.js';
export { topEdges } from '../graph/scores.js';
export type { Circuit, Edge, Graph, GraphOptions, Mask, PruneScores } from '../graph/types.js';
export type { ModelObject } from '../model/model.js';
export { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
export type { Objective } from '../objectives/objective.js';
export { createPatchableModel, type PatchableModelRequest } from '../patch/engine.js';
export { ABLATIONS, type AblationName, type PatchDescription } from '../patch/requests/ablations.js';
export type {
  GradientPoint,
  MaskGradientRequest,
  PatchableModel,
  PatchedRunRequest,
  PromptGradients,
} from '../patch/requests/patchable-model.js';
export type { Plugin } from '../plugin/contributions.js';
export type { BatchOutputs, Metric } from '../plugin/metric.js';
export type { PruneAlgo, PruneResult } from '../plugin/prune-algo.js';
export type { Task } from '../plugin/task.js';
export { type PromptFile, parsePromptFile } from '../prompts/prompt-file.js';
export { batchesOf, splitTrainTest } from '../prompts/prompts.js';
export type { TextEncoder } from '../prompts/text-encoder.js';
export { tokenizePrompts } from '../prompts/tokenize.js';
export type { Prompt, PromptBatch, Side } from '../prompts/types.js';
export { corePlugin } from '../run/core-plugin.js';
export type { PatchType } from '../run/run-circuits.js';
export { openTask } from '../task/open-task.js';
export type { OpenTaskRequest, PatchEdgesOptions } from '../task/requests.js';
export type { TaskData, TaskTokenizer } from '../task/task-prompts.js';
export type { MeasuredSize, MeasuredValue, ScoredEdge, TaskSession } from '../task/task-session.js';
export { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
