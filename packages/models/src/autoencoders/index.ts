/** @file Room `autoencoders`: sparse autoencoders of MLP outputs, whose latents become sources of the graph. */
export * from './autoencoder.js';
export * from './train.js';
export * from './with-latents.js';
