/** @file Room `data`: prompt data as plain records, and files on disk (safetensors, atomic writes). No model lives here. */
export * from './atomic-file.js';
export * from './file-error.js';
export * from './folder.js';
export * from './json-file.js';
export * from './output-positions.js';
export * from './prompt-file.js';
export * from './prompts.js';
export * from './random.js';
export * from './safetensors.js';
export * from './safetensors-write.js';
export * from './tokenize.js';
export * from './types.js';
