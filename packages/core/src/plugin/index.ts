/** @file Room `plugin`: what plugins contribute, option tables, the registry and the loader. */
export * from './contributions.js';
export * from './options.js';
