/** @file The HTML report of a run. */
export {};
