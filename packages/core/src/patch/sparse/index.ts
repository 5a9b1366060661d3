/** @file Room `selected`: runs that compute only the rows and nodes that a mask asks for. The dense programs are their twin. */

export type { Selection } from './row-selection.js';
export { SparseRuns } from './runs.js';
