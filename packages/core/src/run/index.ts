/** @file Room `run`: what happens to a request from batches to a run folder on disk. No algorithm, metric or backend lives here. */
export * from './accumulate.js';
export * from './checkpoint-file.js';
export * from './discover.js';
export * from './evaluate.js';
export * from './faithfulness.js';
export * from './lock.js';
export * from './measure.js';
export * from './measure-sizes.js';
export * from './prompts-of-run.js';
export * from './read-run.js';
export * from './report-input.js';
export * from './run-json.js';
export * from './schemas.js';
export * from './score-files.js';
export * from './sizes.js';
export * from './store.js';
