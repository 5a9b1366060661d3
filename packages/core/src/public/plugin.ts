/**
 * @file Door `@auto-circuit/core/plugin`: what the author of an algorithm, a metric, a task or an architecture needs.
 * @module
 */
export { type MemoryWeight, memoryWeights } from '../backend/memory-weights.js';
export { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
export { AutoCircuitError, type ErrorParts } from '../errors/error.js';
export { unknownName } from '../errors/names.js';
export { buildGraph, DEFAULT_GRAPH_OPTIONS, optionsFor, scoreShape } from '../graph/build.js';
export { connectedPart, makeCircuit, maskFromEdges } from '../graph/circuit.js';
export {
  type EdgeSelection,
  type EdgeSelector,
  edgeSelection,
  type Selecting,
  type SelectionInput,
} from '../graph/edge-ranking.js';
export type { RankBy, SelectionName } from '../graph/edge-ranking-names.js';
export {
  allEdges,
  checkEdgeNumber,
  type EdgeEnds,
  edgeAt,
  edgeEnds,
  edgeName,
  edgeNamesIn,
  edgeNumber,
  edgesByName,
} from '../graph/edges.js';
export { attentionOf, type InnerLink, innerLinks, reachOf } from '../graph/inner-links.js';
export {
  HARD_CONCRETE,
  hardConcreteMask,
  MASK_FUNCTIONS,
  type MaskFunction,
  type MaskFunctionName,
  sigmoidMask,
} from '../graph/mask-functions.js';
export { type EdgeSide, ownName, type PeerDialect, peerName, readPeerName } from '../graph/peer-names.js';
export { flattenScores, scorePlace, unflattenScores } from '../graph/score-index.js';
export { edgesAbove, importances, thresholdFor, topEdges } from '../graph/scores.js';
export {
  type LayerSite,
  type LayerSiteKind,
  latentSite,
  layerSite,
  parseSite,
  type Site,
  siteText,
} from '../graph/sites.js';
export type {
  Circuit,
  DestinationBlock,
  DestinationNode,
  Edge,
  Graph,
  GraphLayout,
  GraphOptions,
  Mask,
  NodeScores,
  PruneScores,
  SourceBlock,
  SourceNode,
  StagedLayout,
  TransformerLayout,
} from '../graph/types.js';
export type { BackwardOverride } from '../ir/autodiff/backward-overrides.js';
export { ProgramBuilder } from '../ir/builder/builder.js';
export type { AnyValue } from '../ir/program/program.js';
export { type HeadInputs, type HeadProjection, joinedBias } from '../model/head-projections.js';
export type { ModelObject, ModelSpec } from '../model/model.js';
export { type Norm, normalize, normed, withNormWeights } from '../model/norm.js';
export type { PatchPoints } from '../model/patch-points.js';
export { uniformAt } from '../numeric/counter-random.js';
export { type RandomSource, seededRandom } from '../numeric/seeded-random.js';
export { type AnswerValue, answerTokens, promptAnswerValue } from '../objectives/answers.js';
export { objectiveByBatch } from '../objectives/by-batch.js';
export { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
export {
  type FragmentObjective,
  type HostObjective,
  isPluginObjective,
  type LossFragment,
  type Objective,
  type ObjectiveBatch,
} from '../objectives/objective.js';
export { objectiveOnLogits } from '../objectives/on-logits.js';
export { type OutputRow, outputRow } from '../objectives/output-row.js';
export { meanOverAnswers, meanOverPositions, outputRows, positionRows } from '../objectives/output-rows.js';
export type { OutputReadings, ReadRow } from '../objectives/readings.js';
export { klDivergence, type TokenFunction } from '../objectives/token-functions.js';
export { filledMask } from '../patch/exec/feeds.js';
export { capturePoints } from '../patch/modes/plain.js';
export { contribution, type SourceActivations } from '../patch/modes/points.js';
export type {
  AblatedBlock,
  AblationName,
  ConstantPatch,
  MadePatch,
  OtherPrompts,
  PatchDescription,
} from '../patch/requests/ablations.js';
export type {
  EdgeMeasure,
  GradientPoint,
  MaskGradientRequest,
  OtherSide,
  PatchableModel,
  PatchedMasksRequest,
  PatchedRunRequest,
  PatchedVariantsRequest,
  PromptGradients,
  ValueGradientRequest,
  ValueGradients,
  VariantGroup,
} from '../patch/requests/patchable-model.js';
export { ROLES, type RoleName } from '../patch/requests/roles.js';
export {
  type AblationContext,
  type AblationDefinition,
  type ChosenAblation,
  chooseAblation,
  defineAblation,
} from '../plugin/ablation.js';
export { type Architecture, type ArchitectureRequest, defineArchitecture } from '../plugin/architecture.js';
export { type BackendDefinition, defineBackend, type ProbeLine } from '../plugin/backend-definition.js';
export { checkPlugin } from '../plugin/check-plugin.js';
export type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
export {
  type Contribution,
  type ContributionKind,
  type ContributionMap,
  definePlugin,
  PLUGIN_API_VERSION,
  type Plugin,
} from '../plugin/contributions.js';
export {
  type CarriedWork,
  defineExecutor,
  type ExecutorDefinition,
  type ExecutorOutcome,
  type ExecutorWork,
  type ExecutorWorker,
  type ShardJob,
  type ShardNote,
} from '../plugin/executor.js';
export { arxivPaper, type Explained, type Paper } from '../plugin/explained.js';
export type { BarsFigure, CurveFigure, HeatMapFigure, ResultFigure, TableFigure } from '../plugin/figures.js';
export {
  type BatchOutputs,
  defineMetric,
  type Metric,
  type MetricContext,
  type MetricReading,
  type MetricValue,
  type PromptValues,
  type ReadOutputs,
} from '../plugin/metric.js';
export {
  BUILT_IN_OBJECTIVES,
  type ChosenObjective,
  chooseObjective,
  defineObjective,
  type ObjectiveDefinition,
} from '../plugin/objective.js';
export { optionDefaults, parseOptions } from '../plugin/option-values.js';
export type { OptionSpec, OptionTable, OptionValues } from '../plugin/options.js';
export { type NamedOptions, optionsOf, optionsText, readNamedOptions, splitNames } from '../plugin/options-text.js';
export { answerRows, klByPrompt } from '../plugin/output-reads.js';
export {
  PROMPT_SCORE_DTYPES,
  type PromptScoreDType,
  type PromptScoreSink,
  type PromptScoreTable,
  type PromptScoreTensors,
} from '../plugin/prompt-scores.js';
export {
  definePruneAlgo,
  type Progress,
  type PruneAlgo,
  type PruneAlgoContext,
  type PruneAlgoWith,
  type PruneResult,
} from '../plugin/prune-algo.js';
export { type Registered, Registry } from '../plugin/registry.js';
export {
  defineScoreMetric,
  type KnownEdges,
  type ScoreMetric,
  type ScoreMetricContext,
} from '../plugin/score-metric.js';
export { chooseSelection, defineSelection, type SelectionDefinition } from '../plugin/selection.js';
export {
  defineTask,
  type OfficialCircuit,
  type PromptGenerator,
  type PromptRequest,
  type Task,
} from '../plugin/task.js';
export type { DividedWork, WorkPart, WorkShare } from '../plugin/work-share.js';
export { type AnswerAlone, answerTokensAfter, type EncodedText } from '../prompts/answer-tokens.js';
export type { OutputPositions } from '../prompts/output-positions.js';
export type { PromptFile, RawPrompt } from '../prompts/prompt-file.js';
export { inputOf, promptLength } from '../prompts/prompts.js';
export type { TextEncoder } from '../prompts/text-encoder.js';
export type { AnswerSides, ModelInput, Prompt, PromptBatch, Side } from '../prompts/types.js';
export { PointAccumulator, ScoreAccumulator, type ScoreWatcher } from '../statistics/accumulate.js';
export { calibratedFactor } from '../statistics/interval-factor.js';
export { type Interval, measuredIntervals } from '../statistics/measured-intervals.js';
export { promptNdf } from '../statistics/ndf.js';
export { PromptPart } from '../statistics/prompt-part.js';
export { promptScoresInMemory, scoresOfPrompt } from '../statistics/prompt-score-table.js';
export type { PromptScores } from '../statistics/prompt-scores.js';
export { standardErrorFactor } from '../statistics/student-t.js';
export type { ScoredPrompts } from '../task/task-session.js';
export { elementCount, type FloatArray, floatTensor, intTensor, type Tensor } from '../tensor/tensor.js';
export { CheckpointReader, type SavedArrayRule } from '../training/checkpoint-reader.js';
export {
  type ResumableWork,
  resumableWork,
  type WorkDescription,
  type WorkHooks,
} from '../training/resumable-work.js';
export {
  type Pace,
  type TrainedParameters,
  Trainer,
  type TrainerSpec,
  type TrainingEvaluation,
} from '../training/trainer.js';
