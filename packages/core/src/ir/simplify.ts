import type { Program } from './types.js';
export const simplify = (program: Program): Program => program;
