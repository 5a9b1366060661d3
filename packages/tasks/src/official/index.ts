/** @file Room `official`: from the heads that a paper names to edges of a graph. The papers' circuits stand with their tasks. */
export * from './edge-list.js';
export * from './paper-models.js';
