/** @file The compiled models by name: models whose circuit is known because they are compiled from small programs, not trained. */

import { memoryWeights } from '@auto-circuit/core/backend';
import type { ModelObject } from '@auto-circuit/core/plugin';
import type { CompiledProgram } from './compile.js';
import { compiledModel } from './compiled-model.js';
import { reverseProgram, xproportionProgram } from './programs.js';

/** A program with a line about it. */
export interface NamedProgram {
  readonly doc: string;
  readonly program: () => CompiledProgram;
}

/** The compiled models by name. */
export const COMPILED_PROGRAMS: Readonly<Record<string, NamedProgram>> = Object.freeze({
  'tracr-reverse': {
    doc: 'compiled: a sequence of up to 5 of the tokens 1, 2, 3 (ids 0 to 2, BOS 3) backwards; its circuit is known',
    program: () => reverseProgram(),
  },
  'tracr-xproportion': {
    doc: 'compiled: the share of x among up to 5 of the tokens w, x, y, z (ids 0 to 3, BOS 4); its circuit is known',
    program: () => xproportionProgram(),
  },
});

/** A compiled program as a model that can be traced. */
export const modelOfProgram = (name: string, { shape, weights }: CompiledProgram): ModelObject =>
  compiledModel(name, shape, memoryWeights(weights));
