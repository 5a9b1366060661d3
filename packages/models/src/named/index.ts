/** @file Room `named`: sizes of models by name, and what can be told of them without their weights. */
export { shapeOf as namedShape } from './shape-only.js';
export { NAMED_SIZES, type NamedSize, namedSize } from './sizes.js';
