/** @file Room `terminal`: what people see. Results on stdout, everything else on stderr. No command and no model lives here. */
export * from './errors.js';
export * from './header.js';
export * from './numbers.js';
export * from './output.js';
export * from './progress.js';
export * from './table.js';
