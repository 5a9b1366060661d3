/** @file Room `data`: prompt data as plain records, and files on disk (safetensors, atomic writes). No model lives here. */
export * from '../files/atomic-file.js';
export * from '../files/file-error.js';
export * from '../files/folder.js';
export * from '../files/json-file.js';
export * from '../files/safetensors.js';
export * from '../files/safetensors-write.js';
export * from '../numeric/seeded-random.js';
export * from '../prompts/output-positions.js';
export * from '../prompts/prompt-file.js';
export * from '../prompts/prompts.js';
export * from '../prompts/tokenize.js';
export * from '../prompts/types.js';
