/** @file Room `data`: prompt data as plain records, and files on disk (safetensors, atomic writes). No model lives here. */
export * from './atomic-file.js';
export * from './file-error.js';
export * from './safetensors.js';
export * from './safetensors-write.js';
export * from './types.js';
