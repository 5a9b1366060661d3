/** @file Information flow routes: how much of what a destination reads each source makes up. */
import { type AnyValue, definePruneAlgo, type EdgeMeasure, type ProgramBuilder } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { promptMeans } from '../shared/prompt-means.js';

/**
 * Information flow routes (Ferrando and Voita 2024, "Information Flow Routes: Automatically Interpreting Language Models at
 * Scale", https://arxiv.org/abs/2403.00824): with x what v reads on the clean run (the residual stream before the norm) and
 * a_u what u wrote, proximity(u) = max(‖x‖₁ − ‖x − a_u‖₁, 0) and score(u→v) = proximity(u) / Σ over the sources of v, mean
 * over positions and prompts: a share from 0 to 1. Biases that no source writes are part of x and get no share; where no
 * source is near, all scores are 0. Q, K and V of all heads of a layer read the same, so they score the same.
 *
 * Use it where there are no corrupt prompts or no answers: it needs neither, nor a gradient. It finds all that flows, whether
 * the task needs it or not.
 */
export const informationFlowRoutes = definePruneAlgo({
  name: 'information-flow-routes',
  doc: 'how close the output of each source is to what the destination reads, as a share of all sources; no gradient',
  formula: 'score(u→v) = p_u ÷ Σ over the sources of v of p; p_u = max(0, ‖in_v‖₁ − ‖in_v − a_u‖₁)',
  use: 'When there are no corrupt prompts, no answers or no gradient. It finds everything that flows, whether or not the task needs it.',
  papers: [PAPERS.flowRoutes],
  signed: false,
  gradients: false,
  options: {},
  byPrompt: true,
  units: batchUnits,
  score: (context) =>
    promptMeans(context, {
      key: ['information-flow-routes'],
      points: ['clean'] as const,
      unit: 'runs',
      at: (batch, _index, side) => context.model.measureEdges(batch, side, PROXIMITY),
    }),
});

const PROXIMITY: EdgeMeasure = {
  name: 'information-flow-routes',
  of(b, read, written) {
    const whole = l1(b, read); // [batch, pos]
    const near = written.map((outputs) => b.relu(b.sub(whole, l1(b, b.sub(read, outputs))))); // each [rows, batch, pos]
    const proximity = near.length === 1 ? near[0]! : b.concat(near, 0); // [sources, batch, pos]
    const total = b.sum(proximity, 0); // [batch, pos]
    const some = b.less(0, total);
    return b.where(some, b.div(proximity, b.where(some, total, 1)), 0);
  },
};

/** ‖x‖₁ over the last axis. */
const l1 = (b: ProgramBuilder, x: AnyValue): AnyValue => b.sum(b.abs(x), -1);
