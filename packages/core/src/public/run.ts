/**
 * @file Door `@auto-circuit/core/run`: runs, their folders and files. For command lines and services; unstable: it may change with any minor version.
 * @module
 */
export { replaceFileAtomic, writeFileAtomic } from '../files/atomic-file.js';
export { errnoOf, fileError } from '../files/file-error.js';
export { changedFile, fileStamp, unchangedSince } from '../files/file-stamp.js';
export { makeFolder, makeFolderFor } from '../files/folder.js';
export { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
export { readWhole, readWholeText } from '../files/read-whole.js';
export { decodeNumbers, openSafetensors, type SafetensorsFile } from '../files/safetensors.js';
export type { SafetensorsDType } from '../files/safetensors-header.js';
export { type SafetensorsSource, safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
export { buildGraph, optionsFor } from '../graph/build.js';
export {
  type CircuitJson,
  checkSameGraph,
  circuitSchema,
  circuitToJson,
  parseCircuitJson,
} from '../graph/circuit-json.js';
export { edgeCounts } from '../graph/circuit-sizes.js';
export { toEapIg } from '../graph/eap-ig-format.js';
export { circuitOfEdges, type EapIgContent, fromEapIg, parseEapIgText } from '../graph/eap-ig-read.js';
export { edgeSelection, selectionText } from '../graph/edge-ranking.js';
export type { SelectionName } from '../graph/edge-ranking-names.js';
export { checkMemory, type MemoryCheck } from '../patch/pieces/memory-check.js';
export { afterPrefix, sharedPrefixLength, withoutPrefix } from '../patch/runs/shared-prefix.js';
export type {
  BarsFigure,
  CurveFigure,
  HeatMapFigure,
  ResultFigure,
  TableFigure,
} from '../plugin/figures.js';
export { importFile } from '../plugin/load-plugin.js';
export { kindOf, promptFileText, type RawInput, readPromptBytes } from '../prompts/prompt-file.js';
export { promptsOfLength, requireOneLength } from '../prompts/prompts.js';
export type { TokenizedPrompts, UnfitPrompt } from '../prompts/tokenize.js';
export { ablationText } from '../run/ablations.js';
export type { BatchRange, MeasuringShares, OutputArrays } from '../run/circuit-runs.js';
export type { SelectionSettings } from '../run/circuits-to-measure.js';
export { type DiscoverResult, discover, scoresOf } from '../run/discover.js';
export { type EvaluateHooks, type EvaluateRequest, evaluate, mergeMeasurements, sizesLeft } from '../run/evaluate.js';
export { faithfulnessScale } from '../run/faithfulness.js';
export type { DiscoverHooks, RunPhase } from '../run/hooks.js';
export { LogitsCheck } from '../run/logits-check.js';
export { measureShare, measureUnits } from '../run/measure-share.js';
export { type OptimalAblationSettings, optimalConstants } from '../run/optimal-ablation.js';
export { circuitOutputs, referenceOutputs } from '../run/outputs-of-circuits.js';
export { type GroupMeasurements, type MeasureGroupsRequest, measureGroups } from '../run/prompt-groups.js';
export { checkGivesPromptScores } from '../run/prompt-score-keeper.js';
export { promptsHash } from '../run/prompts-hash.js';
export { choosePrompts, promptsOfRun, type RunPromptSettings } from '../run/prompts-of-run.js';
export type { DiscoverRequest, RunIdentity } from '../run/request.js';
export {
  type AblationChoice,
  type ChosenMetric,
  metricText,
  metricUnit,
  type PatchType,
  patchDescription,
} from '../run/run-circuits.js';
export { runJsonOf } from '../run/run-json.js';
export { type ScoreShareRequest, scoreShare, scoreUnits } from '../run/shares.js';
export { VERIFY_TOLERANCE, type VerifyHooks, type VerifyRequest, verifyRun } from '../run/verify.js';
export type { ReadOptions } from '../run-folder/checksums.js';
export {
  type Clusters,
  clustersSchema,
  type GroupedPrompts,
  type UnwrittenClusters,
} from '../run-folder/clusters-file.js';
export { cellHash, cellProgress, waitUntilFree } from '../run-folder/experiment-cells.js';
export {
  cellFolder,
  EXPERIMENT_FILES,
  type ExperimentCell,
  ExperimentFolder,
  type ExperimentJson,
  experimentSchema,
  openExperimentFolder,
  type ResultRow,
  readExperiment,
  resultsSchema,
} from '../run-folder/experiment-files.js';
export { type Hardware, hardwareHere, hardwareKinds } from '../run-folder/hardware.js';
export { type FolderLock, lockFolder, lockHolder } from '../run-folder/lock.js';
export { openExistingRun } from '../run-folder/open-run.js';
export {
  type MeasuredFile,
  type MeasureUnit,
  measuredFile,
  measuredFolder,
  noteMachine,
  PLAN_FILES,
  type PlanJson,
  type PlanUnit,
  partFile,
  partsOfCell,
  planSchema,
  readPlan,
  readShard,
  SHARD_FILE,
  type ShardJson,
  type ShardProgress,
  type ShardStatus,
  shardCheckpoint,
  shardFolder,
  shardMachines,
  shardSchema,
  shardStatus,
  writePlan,
  writeShard,
  writeShardProgress,
} from '../run-folder/plan-files.js';
export {
  type PromptScoreFile,
  type PromptScoreFileRequest,
  type PromptScoreWriter,
  readPromptScores,
  writePromptScores,
} from '../run-folder/prompt-score-file.js';
export { readFinishedRun } from '../run-folder/read-run.js';
export type { ReportInput } from '../run-folder/report-input.js';
export { type ExistingFolder, RUN_FILES } from '../run-folder/run-files.js';
export { finishedPart, readRun } from '../run-folder/run-reader.js';
export {
  type CircuitSizes,
  curvesSchema,
  figuresSchema,
  fromJsonNumber,
  type JsonNumber,
  type MeasuredPoint,
  type Measurement,
  measurementsSchema,
  nodesSchema,
  type PromptExample,
  type RunJson,
  runSchema,
  timingsSchema,
  toJsonText,
  withoutPromptValues,
} from '../run-folder/schemas.js';
export { readScores, writeScores } from '../run-folder/score-files.js';
export {
  readScoresFolder,
  SCORES_FOLDER_FILES,
  type ScoresFolder,
  writeScoresFolder,
} from '../run-folder/scores-folder.js';
export { type Stability, stabilitySchema } from '../run-folder/stability-file.js';
export { type Verification, verificationSchema } from '../run-folder/verification-file.js';
export { createSpanModel } from '../spans/span-model.js';
export { type Spans, withSpans } from '../spans/spans.js';
export { parseSpans } from '../spans/spans-file.js';
export { type VariationAsked, variationName } from '../stability/conditions.js';
export type { StabilityHooks, StabilityRequest } from '../stability/request.js';
export type { KeptPieces } from '../stability/scores-by-prompt.js';
export { runStability } from '../stability/stability.js';
export { type GradientCheckRequest, gradientsAgainstDifferences } from '../validation/gradient-check.js';
export { type CheckedDifference, residualSums } from '../validation/residual-sums.js';
