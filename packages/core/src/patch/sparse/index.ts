/** @file Sparse runs: they compute only the rows and nodes that masks ask for. The dense programs are their twin. */

export type { Selection } from './row-selection.js';
export { SparseRuns } from './runs.js';
