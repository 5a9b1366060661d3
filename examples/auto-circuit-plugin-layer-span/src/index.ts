import {
  definePlugin,
  defineScoreMetric,
  edgeAt,
  type HeatMapFigure,
  type ScoreMetric,
} from '@auto-circuit/core/plugin';

/** Mean number of layers that an edge of the circuit spans; the report shows edges from layer to layer. */
export const layerSpan: ScoreMetric = defineScoreMetric({
  name: 'layer-span',
  doc: 'mean number of layers that an edge of the circuit spans',
  options: {},
  higherIsBetter: false,
  unit: 'layers',
  measure({ graph, circuit }) {
    const layers = graph.layout.layers;
    const place = ({ name }: { readonly name: string }): number => {
      if (name === 'Resid Start') return 0;
      return name === 'Resid End' ? layers + 1 : 1 + Number(/\d+/.exec(name)?.[0] ?? 0);
    };
    const names = ['start', ...Array.from({ length: layers }, (_, l) => `layer ${l}`), 'end'];
    const counts = names.map(() => names.map(() => 0)); // [from][to]
    let span = 0;
    for (const edge of circuit.edges) {
      const { source, destination } = edgeAt(graph, edge);
      const [from, to] = [place(source), place(destination)];
      counts[from]![to]!++;
      span += to - from;
    }
    const figure: HeatMapFigure = {
      kind: 'heat-map',
      title: 'edges from layer to layer',
      unit: 'edges',
      doc: 'How many edges of the kept circuit lead from a row to a column.',
      rows: names,
      columns: names,
      values: counts,
    };
    return { value: span / Math.max(1, circuit.edges.length), figures: [figure] };
  },
});

export default definePlugin({ name: 'auto-circuit-plugin-layer-span', contributes: [layerSpan] });
