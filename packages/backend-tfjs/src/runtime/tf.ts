/** @file What is used of TensorFlow.js, whichever of its packages brings it. */

/** What tfjs-core exports. */
export type Tf = typeof import('@tensorflow/tfjs-core');
