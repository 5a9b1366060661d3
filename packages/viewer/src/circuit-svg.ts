/** @file The drawing of the circuit as SVG: what the page shows before its script runs. */
import type { CircuitLayout, DrawnNode } from './circuit-layout.js';
import { escapeHtml } from './escape.js';
import type { PageData } from './report-data.js';

/** All nodes, and the edges of the circuit that was kept (at most as many as the page data hold). */
export function circuitSvg(layout: CircuitLayout, data: PageData): string {
  const kept = data.edges.slice(0, data.stops[data.start]!);
  const on = new Set(kept.flatMap((edge) => [edge[0], edge[1]]));
  const rows = layout.rows.map(({ label, y }) => `<text class="row" x="4" y="${y + 4}">${escapeHtml(label)}</text>`);
  const edges = kept.map(([from, to, name, score, width, sign]) => {
    const path = edgePath(layout.nodes[from]!, layout.nodes[to]!);
    return `<path class="edge ${sign > 0 ? 'pos' : 'neg'}" d="${path}" stroke-width="${width}"><title>${escapeHtml(`${name}: ${score}`)}</title></path>`;
  });
  const nodes = layout.nodes.map((node, i) => nodeSvg(node, on.has(i)));
  return `<svg id="circuit" viewBox="0 0 ${layout.width} ${layout.height}" width="${layout.width}" role="group" aria-label="The circuit, input below, output above">${rows.join('')}<g class="edges-layer">${edges.join('')}</g>${nodes.join('')}</svg>`;
}

/** From above the source to below the destination; edges along one column bow aside, so that nodes between stay clear. */
function edgePath(a: DrawnNode, b: DrawnNode): string {
  const rise = a.y - b.y;
  const bow = Math.abs(a.x - b.x) < 1 && rise > 60 ? Math.min(34, rise / 6) : 0;
  const r = (value: number): number => Math.round(value * 10) / 10;
  return `M${a.x} ${r(a.y - 8)}C${r(a.x + bow)} ${r(a.y - 8 - rise * 0.45)} ${r(b.x + bow)} ${r(b.y + 8 + rise * 0.45)} ${b.x} ${r(b.y + 8)}`;
}

function nodeSvg({ name, kind, x, y }: DrawnNode, on: boolean): string {
  const label =
    kind === 'head'
      ? name.replace(/^[AB]/, '')
      : kind === 'mlp'
        ? name.replace('MLP ', 'M')
        : name.replace('Resid ', '');
  const wide = kind === 'end' || kind === 'stream';
  const half = wide ? Math.max(22, label.length * 3.6 + 6) : 0;
  const body = wide
    ? `<rect x="${x - half}" y="${y - 9}" width="${2 * half}" height="18" rx="9"/>`
    : kind === 'mlp'
      ? `<rect x="${x - 15}" y="${y - 9}" width="30" height="18" rx="4"/>`
      : `<rect x="${x - 18.5}" y="${y - 9}" width="37" height="18" rx="9"/>`;
  return `<g class="node${on ? ' on' : ''}"${on ? ' tabindex="0"' : ''} role="button" aria-label="${escapeHtml(name)}"><title>${escapeHtml(name)}</title>${body}<text x="${x}" y="${y + 3.7}">${escapeHtml(label)}</text></g>`;
}
