/** @file Objectives as program fragments: logits → one loss for each prompt. */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { type Dim, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue } from '../ir/program/program.js';
import type { AnswersObjective, FragmentObjective } from './objective.js';
import { traceFragment } from './traced-fragment.js';

type TokenFunction = AnswersObjective['tokenFunction'];

/** What of an objective shapes the program; the rest (tokens, targets) is fed. */
export type ObjectiveShape =
  | { readonly kind: 'answers' | 'mse'; readonly tokenFunction: TokenFunction }
  | { readonly kind: 'kl' }
  /** By the identity of its function. */
  | Pick<FragmentObjective, 'kind' | 'name' | 'of'>
  /** A loss on the host, whose gradient with respect to the logits is fed. */
  | { readonly kind: 'host' };

/** f(logits), [..., outputs] → [..., outputs]. */
const TOKEN_FUNCTIONS: Readonly<Record<TokenFunction, (b: ProgramBuilder, logits: AnyValue) => AnyValue>> = {
  logit: (_b, logits) => logits,
  prob: (b, logits) => b.softmax(logits),
  logprob: (b, logits) => b.logSoftmax(logits),
  // exp(z) / stopGradient(Σ exp z), with the largest logit taken out as a constant so that nothing overflows
  logitExp: (b, logits) => {
    const shifted = b.sub(logits, b.stopGradient(b.max(logits, -1, true)));
    const exps = b.exp(shifted);
    return b.div(exps, b.stopGradient(b.sum(exps, -1, true)));
  },
};

/** The inputs that an objective adds to a program; the engine feeds them. */
export const OBJECTIVE_INPUTS = {
  /** int [batch, answers]: answers and wrong answers of all positions together, as position · outputs + token id. */
  tokens: 'objective:tokens',
  /** float [batch, answers]: 1/n for answers, −1/n for wrong answers, over the number of positions; 0 for filling. */
  weights: 'objective:weights',
  /** float [batch, positions?, outputs]: targets of `mse`, reference logits of `kl`, ∂M/∂logits of `host`. */
  dense: 'objective:dense',
} as const;

/** The loss of each prompt, [batch]; logits [batch, outputs], or [batch, positions, outputs], of which the mean is taken. */
export function objectiveFragment(b: ProgramBuilder, kind: ObjectiveShape, logits: AnyValue): AnyValue {
  const [batch, ...rest] = logits.shape as [Dim, ...Dim[]];
  const outputs = multiplyDims(...rest); // of all positions
  switch (kind.kind) {
    case 'answers': {
      const tokens = b.input(OBJECTIVE_INPUTS.tokens, 'int', ['batch', 'answers']); // [batch, answers]
      const weights = b.input(OBJECTIVE_INPUTS.weights, 'float', ['batch', 'answers']); // [batch, answers]
      const values = TOKEN_FUNCTIONS[kind.tokenFunction](b, logits); // [batch, positions?, outputs]
      const rowStart = b.mul(b.iota([batch, 1], 0), b.dimSize(outputs)); // [batch, 1]
      const picked = b.gather(b.reshape(values, [multiplyDims(batch, outputs)]), b.add(tokens, rowStart), 0); // [batch, answers]
      return b.neg(b.sum(b.mul(weights, picked), 1));
    }
    case 'mse': {
      const targets = b.input(OBJECTIVE_INPUTS.dense, 'float', ['batch', ...rest]); // [batch, positions?, outputs]
      const difference = b.sub(TOKEN_FUNCTIONS[kind.tokenFunction](b, logits), targets);
      return b.mean(b.reshape(b.mul(difference, difference), [batch, outputs]), 1);
    }
    case 'kl': {
      const reference = b.logSoftmax(b.input(OBJECTIVE_INPUTS.dense, 'float', ['batch', ...rest])); // [batch, positions?, outputs]
      const divergences = b.sum(b.mul(b.exp(reference), b.sub(reference, b.logSoftmax(logits))), -1); // [batch, positions?]
      return rest.length === 1 ? divergences : b.mean(divergences, 1);
    }
    case 'fragment':
      return traceFragment(b, kind, logits).losses;
    case 'host': {
      // Not the loss, but what has its gradient: Σ logits · ∂M/∂logits.
      const cotangent = b.input(OBJECTIVE_INPUTS.dense, 'float', ['batch', ...rest]); // [batch, positions?, outputs]
      return b.sum(b.reshape(b.mul(logits, cotangent), [batch, outputs]), 1);
    }
  }
}
