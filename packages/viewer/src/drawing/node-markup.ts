/** @file Nodes, row labels and columns of token positions as SVG text. */
import { escapeHtml } from '../markup/text.js';
import type { CircuitData } from './circuit-data.js';
import { type CircuitLayout, halfWidth, NAMED, nodeLabel, type Place } from './circuit-layout.js';

/** The name of a node at its position: `A3.1`, `A3.1 at 4 gave`. */
export function placeName(data: CircuitData, { node, position }: Place): string {
  const { name } = data.nodes[node]!;
  return position === null ? name : `${name} at ${positionName(data, position)}`;
}
/** `4 gave`, or `4` where the position has no label. */
export function positionName(data: CircuitData, position: number): string {
  const label = data.positions?.[position] ?? '';
  return label === '' ? `${position}` : `${position} ${label}`;
}

/** Boxes of nodes. @param on keys of the places that edges lead from or to */
export function nodesMarkup(data: CircuitData, layout: CircuitLayout, on: ReadonlySet<number>): string {
  return [...layout.places]
    .map(([key, place]) => {
      const node = data.nodes[place.node]!;
      const half = halfWidth(node, layout.slot);
      const named = layout.slot >= NAMED;
      const high = named ? 18 : 2 * half;
      const round = node.kind === 'mlp' || node.kind === 'latent' ? Math.min(4, high / 4) : high / 2;
      const box = `<rect x="${tenth(place.x - half)}" y="${tenth(place.y - high / 2)}" width="${tenth(2 * half)}" height="${tenth(high)}" rx="${tenth(round)}"/>`;
      const text = named
        ? `<text x="${place.x}" y="${place.y + 3.7}">${escapeHtml(fitted(nodeLabel(node), half))}</text>`
        : '';
      const used = on.has(key);
      const kind = `node ${node.kind}${used ? ' on' : ''}`;
      const state = used ? 'aria-pressed="false"' : 'aria-hidden="true"';
      return `<g class="${kind}" data-key="${key}" role="button" ${state} aria-label="${escapeHtml(placeName(data, place))}">${box}${text}</g>`;
    })
    .join('');
}
const tenth = (value: number): number => Math.round(value * 10) / 10;
/** A name that is longer than its box ends in …. */
const fitted = (label: string, half: number): string => {
  const most = Math.floor((2 * half - 4) / 5.6);
  return label.length <= most ? label : `${label.slice(0, Math.max(1, most - 1))}…`;
};

/** Names of rows, which stay at the margin of a drawing that is scrolled; what passes under them fades. */
export function rowsMarkup(layout: CircuitLayout): string {
  const names = layout.rows.map(({ label, y }) => `<text class="row" x="4" y="${y + 4}">${escapeHtml(label)}</text>`);
  return `<rect class="margin" width="${ROW_NAMES}" height="${footOf(layout)}"/>${names.join('')}`;
}
/** Width of the longest name, `MLP 29`. */
const ROW_NAMES = 46;

/** Where the drawing ends, above the names of token positions. */
const footOf = ({ height, columns }: CircuitLayout): number => (columns.length > 0 ? height - 58 : height);

/** The background of edges and nodes: columns of token positions with their names. */
export function backMarkup(layout: CircuitLayout): string {
  const foot = footOf(layout);
  const columns = layout.columns.map(({ label, left, width, used }, position) => {
    const x = tenth(left + width / 2);
    const words = label === '' ? `${position}` : label.length > 12 ? `${label.slice(0, 11)}…` : label;
    const band = used
      ? `<rect class="column" x="${tenth(left)}" width="${tenth(width)}" y="6" height="${foot - 8}"/>`
      : '';
    return `${band}<text class="token${used ? ' on' : ''}" x="${x}" y="${foot + 12}" transform="rotate(-42 ${x} ${foot + 12})" text-anchor="end"><title>position ${position}</title>${escapeHtml(words)}</text>`;
  });
  return columns.join('');
}
