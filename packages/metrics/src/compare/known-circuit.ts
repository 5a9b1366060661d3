/** @file Scores and circuits against the task's known circuit, as metrics by name. */
import { AutoCircuitError, defineScoreMetric, type KnownEdges } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { rocArea, rocCurve } from './roc.js';

/** @throws AutoCircuitError `no-known-circuit`, which runs have said before */
function knownOf(metric: string, known: KnownEdges | null): KnownEdges {
  if (known) return known;
  throw new AutoCircuitError({
    code: 'no-known-circuit',
    fields: { metric },
    where: 'measure',
    what: `the metric "${metric}" compares with the task's known circuit, and there is none`,
    fix: 'use a task that has an official circuit, or another metric',
  });
}

/**
 * The area under the ROC curve of |score| against the known circuit: how likely an edge of it has a larger |score| than one that is
 * not; 1 is perfect, ½ chance. Of the scores, so the same at every size.
 */
export const rocAreaMetric = defineScoreMetric({
  name: 'roc-area',
  doc: 'area under the ROC curve of the scores against the task’s known circuit: 1 is perfect, ½ chance',
  formula: 'P(|score| of an edge inside the known circuit > |score| of one outside); ties count half',
  use: 'To ask how well scores rank the edges of a known circuit, at all sizes at once.',
  papers: [PAPERS.acdc],
  options: {
    ties: {
      type: 'enum',
      values: ['together', 'pessimistic'],
      default: 'together',
      doc: 'edges of equal |score|: chosen together, or those outside the known circuit first',
    },
  },
  higherIsBetter: true,
  needsKnownCircuit: true,
  unit: 'area',
  measure: ({ graph, scores, known }, { ties }) => ({
    value: rocArea(rocCurve(graph, scores, knownOf('roc-area', known).circuit.edges, { ties })),
  }),
});

/**
 * |circuit ∩ known| ÷ |circuit ∪ known| (Jaccard index) at each size; `parts`: precision, the share of the circuit that is known
 * (1 where it is empty), and recall, the share of the known circuit that is found.
 */
export const knownOverlap = defineScoreMetric({
  name: 'known-overlap',
  doc: 'edges that circuit and known circuit share, of all in either; with precision and recall',
  formula: '|circuit ∩ known| ÷ |circuit ∪ known|',
  use: 'To compare circuits of a given size with a known one. Circuits that overlap may still differ in faithfulness.',
  options: {},
  higherIsBetter: true,
  needsKnownCircuit: true,
  unit: 'share',
  measure({ circuit, known }) {
    const wanted = new Set(knownOf('known-overlap', known).circuit.edges);
    const found = circuit.edges.filter((edge) => wanted.has(edge)).length;
    const either = circuit.edges.length + wanted.size - found;
    return {
      value: either === 0 ? 1 : found / either,
      parts: {
        precision: circuit.edges.length === 0 ? 1 : found / circuit.edges.length,
        recall: wanted.size === 0 ? 1 : found / wanted.size,
      },
    };
  },
});
