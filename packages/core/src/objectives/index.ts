/** @file Room `objectives`: the scalars that gradients are taken of, by name and as program fragments. */
export * from './names.js';
export * from './fragment.js';
