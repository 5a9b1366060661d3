/** @file The rules of simplify for each op: a total table. A rule sees one value and its operands. */

import {
  hoistBeside,
  hoistConcat,
  hoistElementwise,
  hoistGather,
  hoistMatmul,
  hoistReshape,
  hoistScatterAdd,
  hoistSlice,
  hoistTranspose,
  spreadConstant,
  spreadIota,
  tidyBroadcast,
} from './broadcasts.js';
import {
  chooseBranch,
  foldBinary,
  foldCast,
  foldDimSize,
  foldUnary,
  involution,
  neutral,
  squareOfPow,
} from './constants.js';
import {
  dropTrivialAxes,
  hoistReduction,
  sumBeforeFactor,
  sumBeforeReshape,
  sumBeforeTranspose,
} from './reductions.js';
import type { RuleTable } from './rewriter.js';
import { absorbTransposes, joinPads, tidyConcat, tidyPad, tidyReshape, tidySlice, tidyTranspose } from './shapes.js';

const unary = [foldUnary, hoistElementwise] as const;
const binary = [foldBinary, hoistElementwise] as const;

/** The first rule that applies decides. */
export const SIMPLIFY_RULES: RuleTable = {
  input: [],
  weight: [],
  constant: [spreadConstant],
  iota: [spreadIota],
  dimSize: [foldDimSize],
  neg: [involution, ...unary],
  abs: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  rsqrt: unary,
  tanh: unary,
  erf: unary,
  sigmoid: unary,
  relu: unary,
  not: [involution, ...unary],
  cast: [foldCast, hoistElementwise],
  add: [...binary, neutral(0, true), joinPads],
  sub: [...binary, neutral(0, false)],
  mul: [...binary, neutral(1, true)],
  div: [...binary, neutral(1, false)],
  pow: [...binary, neutral(1, false), squareOfPow],
  maximum: binary,
  minimum: binary,
  equal: binary,
  less: binary,
  lessEqual: binary,
  and: binary,
  or: binary,
  where: [chooseBranch, hoistElementwise],
  matmul: [hoistMatmul, absorbTransposes],
  transpose: [tidyTranspose, hoistTranspose],
  reshape: [tidyReshape, hoistReshape],
  broadcast: [tidyBroadcast],
  slice: [tidySlice, hoistSlice],
  concat: [tidyConcat, hoistConcat],
  pad: [tidyPad, hoistBeside],
  gather: [hoistGather],
  scatterAdd: [hoistScatterAdd],
  sum: [dropTrivialAxes, hoistReduction, sumBeforeReshape, sumBeforeTranspose, sumBeforeFactor],
  max: [dropTrivialAxes, hoistReduction],
  mean: [dropTrivialAxes, hoistReduction],
  softmax: [hoistBeside],
  logSoftmax: [hoistBeside],
  stopGradient: [hoistElementwise],
};
