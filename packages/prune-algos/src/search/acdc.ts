/** @file Automatic circuit discovery: edges are removed one by one as long as the output stays close to the model's. */
import { definePruneAlgo, isPluginObjective } from '@auto-circuit/core/plugin';
import { numberList } from '../shared/number-list.js';
import { PAPERS } from '../shared/papers.js';
import { acdcSearch, TAU_GRIDS } from './acdc-search.js';

/**
 * ACDC (Conmy et al. 2023, "Towards Automated Circuit Discovery", https://arxiv.org/abs/2304.14997), for a grid of thresholds
 * τ. Score of an edge = the smallest τ whose search removed it, ∞ if none did; in nats (kl) or squared logits (mse). What is
 * searched, on which prompts and in which order: see `acdcSearch`, which also takes an order of the caller's.
 *
 * Use it where edges stand in for each other, which scores of single edges cannot see; about one run for
 * each edge, and more where the thresholds part ways.
 */
export const acdc = definePruneAlgo({
  name: 'acdc',
  doc: 'removes edges from the output backwards while faithfulness changes by less than tau; score: the smallest such tau',
  formula:
    'score(u→v) = the smallest τ for which D(patched ∪ {u→v}) − D(patched) < τ when the edge is tried; ∞ if there is none',
  use: 'When edges stand in for one another, which scores of single edges cannot show. It takes about one run per edge, and more where the thresholds part ways.',
  papers: [PAPERS.acdc],
  signed: false,
  gradients: false,
  options: {
    faithfulness: {
      type: 'enum',
      doc: 'distance to the clean output: KL divergence, mean squared difference of logits, or how much the run’s objective rises',
      values: ['kl', 'mse', 'objective'],
      default: 'kl',
    },
    taus: {
      type: 'string',
      doc: `thresholds, separated by commas; empty: ${TAU_GRIDS.kl.join(',')} for kl, 1e-10 to 0.1 for mse, ${TAU_GRIDS.objective.join(',')} for objective`,
      default: '',
    },
    prompts: {
      type: 'enum',
      doc: 'what the distance is taken on: the first batch, as in AutoCircuit, or all prompts',
      values: ['first-batch', 'all'],
      default: 'first-batch',
    },
    blocks: {
      type: 'boolean',
      doc: 'before the edges into a Q, K or V input of a head, try to remove all of them at once, as the original ACDC does',
      default: false,
    },
  },
  async score(context, { faithfulness, taus, prompts, blocks }) {
    if (faithfulness !== 'objective' && isPluginObjective(context.objective)) {
      context.warn?.(
        `acdc keeps the output close by ${faithfulness}, not by the run's objective; give it --algo.faithfulness objective for that`,
      );
    }
    const given = numberList('acdc', 'taus', taus, {
      expected: 'numbers above 0',
      fits: (tau) => tau > 0 && Number.isFinite(tau),
    });
    const { scores } = await acdcSearch(context, {
      faithfulness,
      prompts,
      blocks,
      taus: given.length > 0 ? given : TAU_GRIDS[faithfulness],
    });
    return { scores };
  },
});
