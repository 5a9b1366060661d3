/** @file Room `autoencoders`: sparse autoencoders of MLP outputs, whose latents become sources of the graph. */
export * from './autoencoder.js';
export * from './model-file.js';
export * from './strongest-latents.js';
export * from './train-autoencoder.js';
export { type ChosenLatents, ofStream, withLatents } from './with-latents.js';
