/** @file Pruning algorithms: one number for each edge of a transformer. */
export {};
