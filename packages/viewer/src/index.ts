/** @file The HTML report of a run. */
export { renderReport } from './report.js';
