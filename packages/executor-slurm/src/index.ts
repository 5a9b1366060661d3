/**
 * @file `@auto-circuit/executor-slurm`: the shards of plans as array jobs of Slurm.
 * @module
 */
export { slurmExecutor, slurmPlugin, slurmPlugin as default } from './executor.js';
