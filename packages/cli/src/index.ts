/**
 * @file auto-circuit: find and measure circuits in transformers from the command line. `main` runs one command line.
 * @module
 */
export { main } from './cli.js';
export { createProgram } from './create-program.js';
export { defineExperiment, type Experiment, experimentJsonSchema } from './experiment/experiment-file.js';
export type { Streams, TextStream } from './terminal/output.js';
