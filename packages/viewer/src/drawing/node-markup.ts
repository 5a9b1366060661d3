/** @file Nodes, row labels and columns of token positions as SVG text. */
import { escapeHtml } from '../markup/text.js';
import type { CircuitData } from './circuit-data.js';
import { BOX, type CircuitLayout, INPUTS, nodeLabel, type Place } from './circuit-layout.js';

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

/**
 * Boxes of nodes with edges, and below a head the letters of the inputs that edges enter.
 * @param leading keys of the places from which the output is reached; others are faded
 */
export function nodesMarkup(data: CircuitData, layout: CircuitLayout, leading: ReadonlySet<number>): string {
  return [...layout.places]
    .filter(([, { on }]) => on)
    .map(([key, place]) => {
      const node = data.nodes[place.node]!;
      const { x, y, half } = place;
      const round = node.kind === 'mlp' || node.kind === 'latent' ? 4 : BOX;
      const box = `<rect x="${tenth(x - half)}" y="${y - BOX}" width="${tenth(2 * half)}" height="${2 * BOX}" rx="${round}"/>`;
      const text = `<text x="${tenth(x)}" y="${y + 3.7}">${escapeHtml(fitted(nodeLabel(node), half))}</text>`;
      const inputs = place.inputs
        .map(
          ({ letter, shift }) =>
            `<rect x="${tenth(x + shift - 5)}" y="${y + BOX}" width="10" height="${INPUTS}" rx="2"/><text x="${tenth(x + shift)}" y="${y + BOX + 7.4}">${letter}</text>`,
        )
        .join('');
      const leads = leading.has(key);
      // The name holds what stands in the box, so that who speaks it is understood.
      const latent = node.kind === 'latent' ? ` (${nodeLabel(node)})` : '';
      const words = `${placeName(data, place)}${latent}${leads ? '' : ', no drawn path to the output'}`;
      return `<g class="node ${node.kind}${leads ? '' : ' lost'}" data-key="${key}" role="button" aria-pressed="false" aria-label="${escapeHtml(words)}">${box}${text}</g>${inputs ? `<g class="inputs" aria-hidden="true">${inputs}</g>` : ''}`;
    })
    .join('');
}
/** Dots for nodes without edges, behind everything. */
const absentMarkup = (layout: CircuitLayout): string =>
  [...layout.places.values()]
    .filter(({ on }) => !on)
    .map(({ x, y, half }) => `<circle class="absent" cx="${tenth(x)}" cy="${y}" r="${half}"/>`)
    .join('');

const tenth = (value: number): number => Math.round(value * 10) / 10;
/** A name that is longer than its box ends in …. */
const fitted = (label: string, half: number): string => {
  const most = Math.floor((2 * half - 4) / 5.6);
  return label.length <= most ? label : `${label.slice(0, Math.max(1, most - 1))}…`;
};

/** Names of rows, which stay at the margin of a drawing that is scrolled; what passes under them fades. */
export function rowsMarkup(layout: CircuitLayout): string {
  const names = layout.rows.map(({ label, y, bottom, folded }) => {
    const more = `<text class="row more" x="4" y="${bottom + 10}"><title>${folded === 1 ? 'a row' : `${folded} rows`} without edges</title>⋮</text>`;
    return `<text class="row" x="4" y="${y + 4}">${escapeHtml(label)}</text>${folded > 0 ? more : ''}`;
  });
  return `<rect class="margin" width="${ROW_NAMES}" height="${footOf(layout)}"/>${names.join('')}`;
}
/** Width of the longest name, `MLP 29`. */
const ROW_NAMES = 46;

/** Where the drawing ends, above the names of token positions. */
const footOf = ({ height, columns }: CircuitLayout): number => (columns.length > 0 ? height - 58 : height);

/** The background of edges and nodes: columns of token positions with their names, nodes without edges. */
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
  return columns.join('') + absentMarkup(layout);
}
