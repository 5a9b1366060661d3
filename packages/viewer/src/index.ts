/**
 * @file HTML reports: of one run, and of many side by side.
 * @module
 */
export { type ComparisonInput, type Overlap, type RunGroup, renderComparison } from './comparison.js';
export type { ComparedRun } from './comparison-series.js';
export { renderReport } from './report.js';
export type { AreaFigure, KnownCircuitFigure, RunFigures } from './run-figures.js';
