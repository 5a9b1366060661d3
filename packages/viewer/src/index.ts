/**
 * @file Door `@auto-circuit/viewer`: HTML reports of one run, and of many side by side.
 *
 * Rooms, each importing only from those before it: `markup` (text made safe, sections) < `charts` (SVG of numbers) and
 * `drawing` (SVG of a circuit) < `sections` (of the report of a run) < `comparison` (of the report of many
 * runs) < `report.ts`, `comparison-report.ts`. Beside them `page`, the script that runs in the report: it takes from
 * `markup`, `charts` and `drawing`, and reaches reports as the text in `page-bundle.ts`.
 * @module
 */
export type { ComparedRun } from './comparison/series.js';
export { type ComparisonInput, type Overlap, type RunGroup, renderComparison } from './comparison-report.js';
export { renderReport } from './report.js';
export type { AreaFigure, KnownCircuitFigure, RunFigures } from './sections/run-figures.js';
