/** @file Metrics: how faithful a circuit is. */
export {};
