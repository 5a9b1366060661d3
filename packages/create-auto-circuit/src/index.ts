/**
 * @file Door `create-auto-circuit`: begins a plugin or a study.
 * @module
 */
export { type Asker, create, type Surroundings } from './create.js';
export { KIND_NAMES, KINDS, type Kind } from './kinds.js';
export { type CreateRequest, UsageError } from './request.js';
