/** @file Room `experiment`: from an experiment file to cells, the worker processes that run them, and the table of results. */
export { defineExperiment, type Experiment, experimentJsonSchema } from './experiment-file.js';
