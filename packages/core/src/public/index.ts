/** @file Graphs, programs, patch points and runs: the backend-agnostic heart of AutoCircuit. */
export type {
  Backend,
  BackendInfo,
  BackendSettings,
  CompileHint,
  Executable,
  Feeds,
  Results,
  WeightEntry,
  WeightStore,
} from '../backend/backend.js';
export { checkFeeds, programInputs } from '../backend/check-feeds.js';
export {
  type InterpreterSettings,
  interpret,
  interpreterBackend,
  type Precision,
} from '../backend/interpreter/interpreter.js';
export { type MemoryWeight, memoryWeights } from '../backend/memory-weights.js';
export { AutoCircuitError, type ErrorKind, type ErrorParts, EXIT_CODES, nearestNames, unknownName } from '../error.js';
export { type AppendBytes, replaceFileAtomic, writeFileAtomic } from '../files/atomic-file.js';
export { errnoOf, fileError } from '../files/file-error.js';
export { makeFolder } from '../files/folder.js';
export { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
export { openSafetensors, type SafetensorsArray, type SafetensorsFile } from '../files/safetensors.js';
export type { SafetensorsDType, SafetensorsEntry } from '../files/safetensors-header.js';
export { type SafetensorsSource, safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
export {
  blockEdges,
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  edgeCountFormula,
  latentSite,
  optionsFor,
  scoreShape,
} from '../graph/build.js';
export { type ConnectedOptions, connectedPart, makeCircuit, maskFromEdges } from '../graph/circuit.js';
export {
  type CircuitJson,
  checkSameGraph,
  circuitSchema,
  circuitToJson,
  parseCircuitJson,
  type ScoredCircuit,
} from '../graph/circuit-json.js';
export { type EdgeCountsRule, type EdgeCountsSettings, edgeCounts } from '../graph/circuit-sizes.js';
export { type EapIgContent, type EapIgGraph, fromEapIg, toEapIg } from '../graph/eap-ig-format.js';
export { type EdgeSelection, edgeSelection, type Ranking, rankingOf } from '../graph/edge-ranking.js';
export { SELECTIONS, type SelectionName } from '../graph/edge-ranking-names.js';
export {
  allEdges,
  checkEdgeNumber,
  destinationNamed,
  type EdgeEnds,
  edgeAt,
  edgeEnds,
  edgeName,
  edgeNumber,
  edgesByName,
  sourceNamed,
} from '../graph/edges.js';
export { greedyOrder } from '../graph/greedy.js';
export { sumToKvHeads } from '../graph/kv-inputs.js';
export {
  HARD_CONCRETE,
  hardConcreteMask,
  MASK_FUNCTIONS,
  type MaskFunction,
  type MaskFunctionName,
  sigmoidMask,
} from '../graph/mask-functions.js';
export {
  checkScores,
  edgeNumberAt,
  flattenScores,
  type ScoreIndex,
  type ScorePlace,
  scoreIndex,
  scorePlace,
  unflattenScores,
} from '../graph/score-index.js';
export { edgesAbove, importances, type TopEdges, thresholdFor, topEdges } from '../graph/scores.js';
export type {
  Circuit,
  DestinationBlock,
  DestinationNode,
  Edge,
  Graph,
  GraphLayout,
  GraphOptions,
  Mask,
  PruneScores,
  SourceBlock,
  SourceNode,
  StagedLayout,
  TransformerLayout,
} from '../graph/types.js';
export { type ProgramMemory, programMemory } from '../ir/analysis/memory.js';
export type { BackwardRule } from '../ir/autodiff/backward-overrides.js';
export { geluTanhSlope } from '../ir/autodiff/composite-vjps.js';
export { gradient, reduceTo } from '../ir/autodiff/gradient.js';
export { type Operand, ProgramBuilder } from '../ir/builder/builder.js';
export { checkProgram } from '../ir/builder/check.js';
export { checkedAxis, type LeafOp, SHAPE_RULES, type ShapeRule, type Typed } from '../ir/ops/shape-rules.js';
export { padLate } from '../ir/passes/pad-elimination.js';
export { simplify } from '../ir/passes/simplify.js';
export { sliceEarly } from '../ir/passes/slice-pushdown.js';
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
  negateDim,
  SELECTED,
  type Shape,
  shapeKey,
  shapesEqual,
  sizeOf,
  subtractDims,
  symbolItself,
  symbolsOf,
  toDim,
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
  type HeadInputs,
  type HeadProjection,
  type HeadProjections,
  joinedBias,
  projectHeads,
  splitStacked,
  withHeadBias,
} from '../model/head-projections.js';
export type { ModelObject, ModelSpec } from '../model/model.js';
export { type Norm, type NormFactors, normalize, normed, normFactors, withNormWeights } from '../model/norm.js';
export type { PatchPoints } from '../model/patch-points.js';
export { type AdamState, adamState, adamStep } from '../numeric/adam.js';
export { uniformAt } from '../numeric/counter-random.js';
export { type RandomSource, seededRandom } from '../numeric/seeded-random.js';
export { type AnswerValue, answerTokens, promptAnswerValue } from '../objectives/answers.js';
export { objectiveByBatch } from '../objectives/by-batch.js';
export { OBJECTIVE_INPUTS, type ObjectiveShape, objectiveFragment } from '../objectives/fragment.js';
export { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
export type { AnswersObjective, KlObjective, MseObjective, Objective } from '../objectives/objective.js';
export { type ObjectiveReference, objectiveOnLogits } from '../objectives/on-logits.js';
export {
  meanOverAnswers,
  meanOverPositions,
  outputRows,
  positionRows,
  promptTargets,
} from '../objectives/output-rows.js';
export { klDivergence, logSumExp, TOKEN_FUNCTIONS, type TokenFunction } from '../objectives/token-functions.js';
export { createPatchableModel, type PatchableModelRequest } from '../patch/engine.js';
export { filledMask } from '../patch/exec/feeds.js';
export { checkMemory, type MemoryCheck } from '../patch/exec/memory-check.js';
export { cutsOf } from '../patch/exec/micro-batches.js';
export {
  capturePoints,
  contribution,
  makePoints,
  plainPoints,
  type SourceParts,
  type TraceScope,
} from '../patch/modes/points.js';
export {
  captureProgram,
  currentInputName,
  finish,
  finishForLogits,
  finishGradient,
  type GradientForward,
  type GradientSetting,
  gradientProgram,
  INPUT,
  LOGITS,
  LOSSES,
  PATCH_INPUT,
  type PatchedSetting,
  type PatchSupply,
  patchedProgram,
  patchInputName,
  plainProgram,
  projectProgram,
  readOut,
  type Setting,
  START_INPUT,
  scopeOf,
  scoreOutputName,
  sourceOutputName,
} from '../patch/programs/programs.js';
export {
  ABLATIONS,
  type AblationName,
  type ConstantPatch,
  type MeanHandle,
  type PatchDescription,
} from '../patch/requests/ablations.js';
export type {
  ConstantGradient,
  ConstantGradientRequest,
  EdgeMeasure,
  MaskGradientRequest,
  PatchableModel,
  PatchedRunRequest,
  PatchedRunsRequest,
  PromptGradients,
} from '../patch/requests/patchable-model.js';
export { behindPrefix, sharedPrefixLength, withoutPrefix } from '../patch/runs/shared-prefix.js';
export { checkPlugin } from '../plugin/check-plugin.js';
export {
  CONFIG_FILE,
  type Config,
  type ConfigValue,
  defineConfig,
  type LoadedConfig,
  loadConfig,
  usePlugins,
} from '../plugin/config.js';
export {
  type Architecture,
  type ArchitectureRequest,
  type BackendDefinition,
  type BatchOutputs,
  type Checkpoint,
  type CheckpointData,
  type Contribution,
  type ContributionKind,
  type ContributionMap,
  defineArchitecture,
  defineBackend,
  defineMetric,
  definePlugin,
  definePruneAlgo,
  defineTask,
  type Metric,
  type MetricContext,
  type MetricValue,
  type NodeScores,
  type OfficialCircuit,
  PLUGIN_API_VERSION,
  type Plugin,
  type ProbeLine,
  type Progress,
  type PromptGenerator,
  type PromptRequest,
  type PromptValues,
  type PruneAlgo,
  type PruneAlgoContext,
  type PruneResult,
  type Task,
} from '../plugin/contributions.js';
export { corePlugin } from '../plugin/core-plugin.js';
export { findPlugin, importFile, isPluginPath, loadPlugin, pluginPackageName } from '../plugin/load-plugin.js';
export {
  expectedText,
  kebabCase,
  optionDefaults,
  optionName,
  parseOptions,
  parseOptionValue,
  type ValueRule,
} from '../plugin/option-values.js';
export type { OptionSpec, OptionTable, OptionValues } from '../plugin/options.js';
export { KIND_WORDS, type Registered, Registry } from '../plugin/registry.js';
export { answersRead, OUTPUT_POSITIONS, type OutputPositions, positionsRead } from '../prompts/output-positions.js';
export {
  kindOf,
  type PromptFile,
  type PromptKind,
  parsePromptFile,
  promptFileText,
  type RawInput,
  type RawPrompt,
  type RawSides,
} from '../prompts/prompt-file.js';
export {
  batchesOf,
  groupByLength,
  inputOf,
  promptLength,
  promptsOfLength,
  requireOneLength,
  type SplitSettings,
  splitTrainTest,
} from '../prompts/prompts.js';
export { type TextEncoder, type TokenizedPrompts, tokenizePrompts } from '../prompts/tokenize.js';
export type { AnswerSides, KeptPrefix, ModelInput, Prompt, PromptBatch, Side } from '../prompts/types.js';
export {
  checkSelection,
  circuitsToMeasure,
  keptCircuit,
  knownCircuit,
  type MadeCircuit,
  type SelectionSettings,
  type SizedCircuit,
  tiesWarning,
} from '../run/circuits-to-measure.js';
export { type DiscoverHooks, type DiscoverResult, discover, type RunPhase, scoresOf } from '../run/discover.js';
export { type EvaluateHooks, type EvaluateRequest, evaluate, mergeMeasurements, sizesLeft } from '../run/evaluate.js';
export {
  chooseKept,
  FAITHFUL_WITHIN,
  type FaithfulnessScale,
  type FaithfulSize,
  faithfulnessScale,
  KL_WITHIN,
  type NoFaithfulness,
} from '../run/faithfulness.js';
export {
  type MeasuredSizes,
  type MeasureSizesRequest,
  type PartialWork,
  SizeMeasurer,
} from '../run/measure-circuits.js';
export {
  ConstantTraining,
  type ConstantTrainingHooks,
  OPTIMAL_ABLATION,
  type OptimalAblationSettings,
  optimalConstants,
} from '../run/optimal-ablation.js';
export {
  choosePrompts,
  type PromptChoice,
  promptsHash,
  promptsOfRun,
  type RunPromptSettings,
  type RunPrompts,
} from '../run/prompts-of-run.js';
export type { DiscoverRequest, RunIdentity } from '../run/request.js';
export {
  type AblationChoice,
  type ChosenMetric,
  type CircuitRunSettings,
  checkCircuitRun,
  checkMetrics,
  circuitOutputs,
  circuitPatch,
  measureOne,
  outputsOfCircuits,
  type PatchType,
  patchDescription,
  type References,
  referenceOutputs,
  sideRun,
} from '../run/run-circuits.js';
export { runJsonOf } from '../run/run-json.js';
export {
  compareCircuit,
  compareMeasurement,
  compareScores,
  VERIFY_TOLERANCE,
  type VerifyHooks,
  type VerifyRequest,
  verifyRun,
} from '../run/verify.js';
export { fileCheckpoint } from '../run-folder/checkpoint-file.js';
export { type CellProgress, cellHash, cellProgress, waitUntilFree } from '../run-folder/experiment-cells.js';
export {
  cellFolder,
  csvText,
  EXPERIMENT_FILES,
  type ExperimentCell,
  ExperimentFolder,
  type ExperimentJson,
  experimentCellSchema,
  experimentSchema,
  openExperimentFolder,
  type ResultRow,
  readExperiment,
  resultRowSchema,
  resultsSchema,
} from '../run-folder/experiment-files.js';
export { type FolderLock, LOCK_NAME, lockFolder } from '../run-folder/lock.js';
export { readFinishedRun } from '../run-folder/read-run.js';
export type { ReportInput } from '../run-folder/report-input.js';
export {
  type CircuitSizes,
  curvesSchema,
  differences,
  fromJsonNumber,
  type JsonNumber,
  type MeasuredPoint,
  type Measurement,
  measurementSchema,
  measurementsSchema,
  nodesSchema,
  numberSchema,
  parseBySchema,
  pointSchema,
  type RunJson,
  type RunRequest,
  requestSchema,
  runSchema,
  sizesSchema,
  type Timings,
  timingsSchema,
  toJsonNumber,
  toJsonText,
  withoutPromptValues,
} from '../run-folder/schemas.js';
export { readScores, toFileScores, writeScores } from '../run-folder/score-files.js';
export {
  type ExistingFolder,
  finishedPart,
  openExistingRun,
  openRunStore,
  RUN_FILES,
  RunReader,
  RunStore,
  readRun,
} from '../run-folder/store.js';
export {
  isVerificationFile,
  type Verification,
  verificationFile,
  verificationFiles,
  verificationSchema,
} from '../run-folder/verification-file.js';
export { PointAccumulator, type PromptScores, ScoreAccumulator } from '../statistics/accumulate.js';
export { BOOTSTRAP_RESAMPLES, PromptBootstrap, ratioOfSums } from '../statistics/bootstrap.js';
export {
  type DType,
  elementCount,
  type FloatArray,
  floatTensor,
  intTensor,
  type Tensor,
  type TensorData,
} from '../tensor/tensor.js';
