/** @file HTML reports: of one run, and of many side by side. */

export type { ComparedRun } from './comparison/series.js';
export { type ComparisonInput, type Overlap, type RunGroup, renderComparison } from './comparison-report.js';
export { renderReport } from './report.js';
export type { AreaFigure, KnownCircuitFigure, RunFigures } from './sections/run-figures.js';
