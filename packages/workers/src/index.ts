/**
 * @file Door `@auto-circuit/workers`: a backend in a worker thread, or in several processes that share its work.
 * @module
 */
export type { WorkerBackend } from './messages.js';
export { backendPool } from './pool.js';
export { backendInThread } from './thread.js';
