/** @file Room `flags`: tables of flags, the groups that commands share, and option tables as `--algo.OPTION` flags. */
export * from './flag-table.js';
export * from './shared-flags.js';
export * from './table-flags.js';
