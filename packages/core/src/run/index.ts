/** @file Room `run`: what happens to a request from batches to a run folder on disk. No algorithm, metric or backend lives here. */
export * from './accumulate.js';
