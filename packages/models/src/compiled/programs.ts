/** @file The two programs that AutoCircuit has as compiled models: `reverse` and `xproportion`. */
import { type CompiledProgram, compile } from './compile.js';
import { aggregate, average, combine, indices, length, map, measure, select, tokensOf } from './rasp.js';

/** Tokens after BOS, at most. */
export const MAX_LENGTH = 5;

/** The sequence backwards; one of the vocabulary's tokens at every position, by the highest output. */
export function reverseProgram(vocabulary: readonly number[] = [1, 2, 3]): CompiledProgram {
  const tokens = tokensOf(vocabulary);
  const here = indices(MAX_LENGTH);
  const fromEnd = combine('length-index', length(MAX_LENGTH), here, (n, i) => Number(n) - Number(i));
  const mirror = map('mirror', fromEnd, (x) => Number(x) - 1);
  const flip = select(here, mirror, (key, query) => key === query);
  return compile(aggregate('reversed', flip, tokens), tokens, MAX_LENGTH);
}

/** The share of "x" among the tokens up to here, a number. */
export function xproportionProgram(): CompiledProgram {
  const tokens = tokensOf(['w', 'x', 'y', 'z']);
  const here = indices(MAX_LENGTH);
  const upToHere = select(here, here, (key, query) => key <= query);
  const isX = measure('is-x', tokens, (token) => (token === 'x' ? 1 : 0));
  return compile(average('proportion', upToHere, isX), tokens, MAX_LENGTH);
}
