/** @file Room `run`: what happens to a request from batches to a run folder on disk. No algorithm, metric or backend lives here. */

export * from '../run-folder/checkpoint-file.js';
export * from '../run-folder/experiment-cells.js';
export * from '../run-folder/experiment-files.js';
export * from '../run-folder/lock.js';
export * from '../run-folder/read-run.js';
export * from '../run-folder/report-input.js';
export * from '../run-folder/schemas.js';
export * from '../run-folder/score-files.js';
export * from '../run-folder/store.js';
export * from '../run-folder/verification-file.js';
export * from '../statistics/accumulate.js';
export * from '../statistics/bootstrap.js';
export * from './circuits-to-measure.js';
export * from './discover.js';
export * from './evaluate.js';
export * from './faithfulness.js';
export * from './measure-circuits.js';
export * from './optimal-ablation.js';
export * from './prompts-of-run.js';
export * from './run-circuits.js';
export * from './run-json.js';
export * from './verify.js';
