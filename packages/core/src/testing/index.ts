/**
 * @file Door `@auto-circuit/core/testing`: what the author of a plugin or a backend tests with. Each contract is a list of
 * named checks for any test runner (`runContract` declares them); beside them stand small models, made-up contexts and
 * programs for tests of one's own. Nothing here imports a test runner.
 * @module
 */

export { type AblationContractOptions, ablationContract } from './ablation-contract.js';
export { disagreement, seededFeeds, stepsApart } from './agreement.js';
export { architectureContract } from './architecture-contract.js';
export { type BackendContractOptions, backendContract } from './backend-contract.js';
export { COMPOSITES } from './composite-cases.js';
export { type ContractCheck, runContract, type TestHooks } from './contract.js';
export { type CheckpointNumbers, type DamagedCheckpoint, damagedCheckpoints } from './damaged-checkpoints.js';
export { damageFile, filesBelow, writeFilesBelow } from './damaged-files.js';
export { type ExecutorContractOptions, executorContract, SHARD_SCRIPT } from './executor-contract.js';
export { type MetricContextSpec, metricContext } from './metric-contexts.js';
export { type MetricContractOptions, metricContract } from './metric-contract.js';
export { microModel } from './micro-model.js';
export { type MutationReport, mutatedJson, mutatedText, mutationRounds, readMutations } from './mutations.js';
export { type ObjectiveContractOptions, objectiveContract } from './objective-contract.js';
export { OP_CASES, type OpCase } from './op-cases.js';
export {
  type DisposableContext,
  memoryCheckpoint,
  type PruneAlgoContextSpec,
  pruneAlgoContext,
} from './prune-algo-contexts.js';
export { type PruneAlgoContractOptions, pruneAlgoContract } from './prune-algo-contract.js';
export type { ScoreInput } from './prune-algo-reads.js';
export { type RandomProgram, type RandomProgramSettings, randomProgram } from './random-program.js';
export { type ScoreMetricContractOptions, scoreMetricContract } from './score-metric-contract.js';
export { type SelectionContractOptions, selectionContract } from './selection-contract.js';
export { tinyPrompts, tinyTransformer } from './tiny-transformer.js';
