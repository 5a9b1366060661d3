/**
 * @file auto-circuit: find and measure circuits in transformers from the command line. `main` runs one command line.
 * @module
 */
export { createProgram, main } from './cli.js';
export { defineExperiment, type Experiment, experimentJsonSchema } from './experiment/experiment-file.js';
export type { Streams, TextStream } from './terminal/output.js';
