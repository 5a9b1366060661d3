/**
 * @file `@auto-circuit/executor-bullmq`: the shards of plans as jobs of a BullMQ queue in Redis, done by workers on any machines.
 * @module
 */
export { bullmqExecutor, bullmqPlugin, bullmqPlugin as default } from './executor.js';
