/** @file The whole drawing of a circuit as SVG text: what a page shows before its script runs, and small ones for many runs. */
import { escapeHtml } from '../markup/text.js';
import { type CircuitData, fromNode, toNode } from './circuit-data.js';
import { type CircuitLayout, circuitLayout, placeKey } from './circuit-layout.js';
import { curvePath, edgeCurve, edgeOpacity, edgesMarkup } from './edge-curves.js';
import { backMarkup, nodesMarkup, rowsMarkup } from './node-markup.js';

/** The groups of the drawing of these edges; the page replaces them one by one. */
export function circuitParts(data: CircuitData, edges: readonly number[], layout = circuitLayout(data, edges)) {
  return {
    layout,
    back: backMarkup(layout),
    rows: rowsMarkup(layout),
    edges: edgesMarkup(data, edges, (edge) => curvePath(edgeCurve(data, layout, edge))),
    nodes: nodesMarkup(data, layout, placesOf(data, edges)),
  };
}

/** Keys of the places that edges lead from and to. */
export function placesOf(data: CircuitData, edges: Iterable<number>): Set<number> {
  const keys = new Set<number>();
  for (const edge of edges) {
    const position = data.edges.position?.[edge] ?? null;
    keys.add(placeKey(data, fromNode(data, edge), position));
    keys.add(placeKey(data, toNode(data, edge), position));
  }
  return keys;
}

/** The drawing that the page's script takes over. */
export function circuitSvg(data: CircuitData, edges: readonly number[], label: string): string {
  const { layout, back, rows, edges: paths, nodes } = circuitParts(data, edges);
  return `<svg id="circuit" class="circuit" ${sizeAttributes(layout)} role="group" aria-label="${escapeHtml(label)}"><g class="back">${back}</g><g class="edges" style="stroke-opacity:${edgeOpacity(edges.length)}">${paths}</g><g class="lit"></g><g class="nodes">${nodes}</g><g class="rows">${rows}</g></svg>`;
}

/** How wide a drawing wants to be at least, so that its names can be read; narrower screens scroll it. */
export function sizeAttributes({ width, height, columns }: CircuitLayout): string {
  const least =
    columns.length > 0 ? Math.round(width * 0.92) : Math.min(width, Math.max(330, Math.round(width * 0.78)));
  return `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" style="min-width:${least}px"`;
}

/** A small drawing without names or script, for one of many runs. Only nodes with edges are shown. */
export function smallCircuitSvg(data: CircuitData, edges: readonly number[], label: string): string {
  const layout = circuitLayout(data, edges);
  const paths = edgesMarkup(data, edges, (edge) => curvePath(edgeCurve(data, layout, edge)));
  const dots = [...placesOf(data, edges)].map((key) => {
    const { x, y, node } = layout.places.get(key)!;
    const { name, kind } = data.nodes[node]!;
    return `<circle class="dot ${kind}" cx="${x}" cy="${y}" r="8"><title>${escapeHtml(name)}</title></circle>`;
  });
  return `<svg class="circuit small" viewBox="0 0 ${layout.width} ${layout.height}" role="img" aria-label="${escapeHtml(label)}"><g class="edges" style="stroke-opacity:.7">${paths}</g><g class="nodes">${dots.join('')}</g></svg>`;
}
