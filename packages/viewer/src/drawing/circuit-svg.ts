/** @file The whole drawing of a circuit as SVG text: what a page shows before its script runs, and small ones for many runs. */
import { escapeHtml } from '../markup/text.js';
import { type CircuitData, fromNode, toNode } from './circuit-data.js';
import { BOX, type CircuitLayout, circuitLayout, INPUTS, nodeLabel, placeKey } from './circuit-layout.js';
import { edgeOpacity, edgesMarkup } from './edge-lines.js';
import { edgeRoute, routePath } from './edge-route.js';
import { headMoves, movesMarkup } from './head-moves.js';
import { backMarkup, nodesMarkup, rowsMarkup } from './node-markup.js';
import { reachesOutput } from './reach.js';

/**
 * The groups of the drawing of these edges; the page replaces them one by one.
 * @param pathOf the line of an edge as path text
 * @param lines those of the edges whose lines are drawn
 */
export function circuitParts(
  data: CircuitData,
  edges: readonly number[],
  layout = circuitLayout(data, edges),
  pathOf = (edge: number): string => routePath(edgeRoute(data, layout, edge)),
  lines = edges,
) {
  return {
    layout,
    back: backMarkup(layout),
    rows: rowsMarkup(layout),
    edges: edgesMarkup(data, lines, pathOf),
    moves: movesMarkup(data, layout, headMoves(data, edges)),
    nodes: nodesMarkup(data, layout, reachesOutput(data, edges)),
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
  const { layout, back, rows, edges: paths, moves, nodes } = circuitParts(data, edges);
  return `<svg id="circuit" class="circuit" ${sizeAttributes(layout)} role="group" aria-label="${escapeHtml(label)}"><g class="back">${back}</g><g class="edges" style="stroke-opacity:${edgeOpacity(edges.length)}">${paths}</g><g class="lit"></g><g class="moves">${moves}</g><g class="nodes">${nodes}</g><g class="rows">${rows}</g></svg>`;
}

/** How wide a drawing wants to be at least, so that its names can be read; narrower screens scroll it. */
export function sizeAttributes({ width, height, columns }: CircuitLayout): string {
  const least =
    columns.length > 0 ? Math.round(width * 0.92) : Math.min(width, Math.max(330, Math.round(width * 0.78)));
  return `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" style="min-width:${least}px"`;
}

/** A small drawing without script, for one of many runs. Only nodes with edges are shown. */
export function smallCircuitSvg(data: CircuitData, edges: readonly number[], label: string): string {
  const layout = circuitLayout(data, edges);
  const paths = edgesMarkup(data, edges, (edge) => routePath(edgeRoute(data, layout, edge)));
  const boxes = [...layout.places.values()]
    .filter(({ on }) => on)
    .map(({ x, y, half, node, inputs }) => {
      const { name, kind } = data.nodes[node]!;
      const high = 2 * BOX + (inputs.length > 0 ? INPUTS : 0);
      return `<rect class="box" x="${x - half}" y="${y - BOX}" width="${2 * half}" height="${high}" rx="${kind === 'mlp' ? 4 : BOX}"><title>${escapeHtml(name)}</title></rect><text x="${x}" y="${y + 4 - BOX + high / 2}">${escapeHtml(nodeLabel(data.nodes[node]!))}</text>`;
    });
  return `<svg class="circuit small" viewBox="0 0 ${layout.width} ${layout.height}" role="img" aria-label="${escapeHtml(label)}"><g class="edges" style="stroke-opacity:.7">${paths}</g><g class="moves">${movesMarkup(data, layout, headMoves(data, edges))}</g><g class="nodes">${boxes.join('')}</g></svg>`;
}
