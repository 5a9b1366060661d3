/** @file The selection `ratio`: a share of the circuit for edges that support the answer, the rest for those that work against it. */
import { arxivPaper, defineSelection, flattenScores, type SelectionDefinition } from '@auto-circuit/core/plugin';

/**
 * Of n edges, round(positive · n) of the largest positive scores, the others of the most negative ones; where one kind runs out, the
 * other goes on. Nikankin et al. 2025 (https://arxiv.org/abs/2510.25786) choose such a ratio by task: a circuit of positive scores alone
 * does better than the model (a high CPR), one by |score| is nearer to it (a low CMD).
 */
export const ratio: SelectionDefinition = defineSelection({
  name: 'ratio',
  doc: 'exactly n: a share of the largest positive scores, the rest of the most negative',
  formula: 'the round(r · n) largest scores above 0, and the n − round(r · n) smallest below',
  use: 'Between circuits that do the task best (positive 1) and those that do what the model does: try several on prompts that are not for testing. Says nothing where scores have no sign.',
  papers: [arxivPaper('2510.25786', 'Nikankin et al.', 2025, 'BlackboxNLP-2025 MIB Shared Task: Improving Circuit Faithfulness via Better Edge Selection')], // biome-ignore format: one line
  options: {
    positive: {
      type: 'number',
      doc: 'the share of edges with a positive score; 1: all, 0.5: as many as of negative ones',
      default: 0.7,
      min: 0,
      max: 1,
    },
  },
  select({ graph, scores }, { positive: share }) {
    const flat = flattenScores(graph, scores); // canonical: [edgeCount]
    const falling = Array.from(flat.keys()).sort((a, b) => compareFalling(flat[a]!, flat[b]!) || a - b);
    const positive = falling.filter((edge) => flat[edge]! > 0);
    const others = falling
      .filter((edge) => flat[edge]! <= 0)
      .sort((a, b) => compareFalling(flat[b]!, flat[a]!) || a - b);
    const order: number[] = [];
    for (let n = 1, [p, o] = [0, 0]; n <= flat.length; n++) {
      const wantsPositive = Math.round(share * n) > p;
      const takesPositive = p < positive.length && (wantsPositive || o === others.length);
      order.push(takesPositive ? positive[p++]! : others[o++]!);
    }
    return order;
  },
});

/** Of infinite numbers, too. */
const compareFalling = (a: number, b: number): number => (a === b ? 0 : a > b ? -1 : 1);
