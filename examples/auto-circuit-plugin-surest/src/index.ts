import {
  definePlugin,
  defineSelection,
  flattenScores,
  importances,
  type SelectionDefinition,
} from '@auto-circuit/core/plugin';

/** Edges by importance over the standard error of their score; by importance alone where the algorithm gives no errors. */
export const surest: SelectionDefinition = defineSelection({
  name: 'surest',
  doc: 'edges by importance over standard error',
  options: {},
  select({ graph, scores, standardErrors, rankBy }) {
    const errors = standardErrors && flattenScores(graph, standardErrors); // by canonical number
    const sure = importances(graph, scores, rankBy).map((x, edge) => x / (errors ? errors[edge]! + 1e-9 : 1));
    return [...sure.keys()].sort((a, b) => sure[b]! - sure[a]! || a - b);
  },
});

export default definePlugin({ name: 'auto-circuit-plugin-surest', contributes: [surest] });
