/** @file Room `autoencoders`: sparse autoencoders of MLP outputs, whose latents become sources of the graph. */
export * from './autoencoder.js';
export * from './model-file.js';
export * from './strongest.js';
export * from './train.js';
export { type ChosenLatents, ofStream, withLatents } from './with-latents.js';
