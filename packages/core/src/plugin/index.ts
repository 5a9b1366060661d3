/** @file Room `plugin`: what plugins contribute, option tables, the registry, the loader and the config file. */
export * from './check-plugin.js';
export * from './config.js';
export * from './contributions.js';
export * from './core-plugin.js';
export * from './load-plugin.js';
export * from './option-values.js';
export * from './options.js';
export * from './registry.js';
