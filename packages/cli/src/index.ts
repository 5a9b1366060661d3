/** @file auto-circuit: find and measure circuits in transformers from the command line. */
export {};
