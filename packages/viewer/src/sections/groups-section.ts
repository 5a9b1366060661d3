/** @file The section of the report about kinds of prompts: which circuit serves which prompt, and the circuits side by side. */
import { makeCircuit, type PruneScores, unflattenScores } from '@auto-circuit/core';
import { type Clusters, fromJsonNumber, type GroupedPrompts, type ReportInput } from '@auto-circuit/core/run';
import { matrixSvg } from '../charts/matrix.js';
import { edgesKept } from '../drawing/circuit-data.js';
import { smallCircuitSvg } from '../drawing/circuit-svg.js';
import { sectionHtml } from '../markup/section.js';
import { count, edgesText, escapeHtml, percent, plural, shortNumber } from '../markup/text.js';
import { circuitDataOf, rankedEdges } from './circuit-data-of.js';

/** More edges than these are too many for a small drawing. */
const SMALL_EDGES = 60;
/** Prompts of the matrix; of more, evenly chosen ones are shown. */
const MOST_ROWS = 160;

/** The section's HTML; empty where no groups were sought. */
export function groupsSection(input: ReportInput): string {
  const { grouped } = input;
  if (!grouped) return '';
  const { clusters } = grouped;
  const body = [
    `<p class="note">${escapeHtml(words(clusters))}</p>`,
    servedTable(clusters),
    `<div class="curves">${promptMatrix(clusters)}${overlapMatrix(clusters)}</div>`,
    drawings(input, grouped),
  ];
  return sectionHtml('groups', 'Kinds of prompts', body.join('\n'));
}

const columnsOf = ({ groups }: Clusters): string[] => ['shared', ...groups.map(({ name }) => name)];

function words({ groups, grouping, prompts, verdict, edges, measuredOn }: Clusters): string {
  const found = `By their scores of edges, ${plural(prompts.length, 'prompt')} fall into ${plural(groups.length, 'group')}`;
  const how = grouping.silhouette === null ? '' : ` (mean silhouette ${shortNumber(grouping.silhouette)})`;
  const on = measuredOn === 'test' ? 'prompts that it was not found on' : 'the prompts that it was found on';
  return `${found}${how}. Each group has a circuit of its own of ${edgesText(edges)}, like the shared one, and each circuit is measured on ${on}. ${VERDICTS[verdict]}`;
}

const VERDICTS: Readonly<Record<Clusters['verdict'], string>> = {
  one: 'No group is served better by a circuit of its own: one circuit for all is justified at this size.',
  some: 'Some groups are served better by a circuit of their own than by the shared one.',
  several: 'Every group is served better by a circuit of its own: one circuit for all is not justified.',
};

function servedTable(clusters: Clusters): string {
  const { groups, faithfulness, gains, by } = clusters;
  const heads = [
    ...columnsOf(clusters).map((name, c) => (c === 0 ? 'shared circuit' : `circuit of ${name}`)),
    'own over shared',
  ];
  const head = heads.map((name) => `<th scope="col" class="n">${escapeHtml(name)}</th>`).join('');
  const rows = groups.map(({ name, prompts, measured }, g) => {
    const cells = heads.slice(0, -1).map((_, c) => {
      const cell = faithfulness[g]?.[c];
      const own = c === g + 1;
      const text = cell ? shortNumber(fromJsonNumber(cell.value)) : '–';
      return `<td class="n">${own ? `<b>${text}</b>` : text}</td>`;
    });
    const gain = gains[g];
    const said = gain ? `${shortNumber(gain.value)} (${shortNumber(gain.low)} to ${shortNumber(gain.high)})` : '–';
    return `<tr><th scope="row">${escapeHtml(name)}</th><td class="n">${count(prompts)}</td><td class="n">${count(measured)}</td>${cells.join('')}<td class="n">${said}</td></tr>`;
  });
  const what =
    by === 'logit-diff'
      ? 'Faithfulness; the whole model has 1. The last column: how much nearer to 1 the own circuit is than the shared one, and what 95 of 100 resamples of the prompts lie between.'
      : `Share of the empty circuit’s ${by} that is left; the whole model has 0. The last column: how much less the own circuit leaves than the shared one, and what 95 of 100 resamples of the prompts lie between.`;
  return `<div class="scroll" tabindex="0" role="region" aria-label="Circuits by group of prompts"><table><thead><tr><th scope="col">prompts of</th><th scope="col" class="n">found on</th><th scope="col" class="n">measured</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>
<p class="note">${what}</p>`;
}

/** Prompts by circuits, the prompts of one group together. */
function promptMatrix(clusters: Clusters): string {
  const sorted = clusters.measured.toSorted((a, b) => a.group - b.group || a.index - b.index);
  const rows = sorted.filter((_, i) => i % Math.ceil(sorted.length / MOST_ROWS) === 0);
  if (rows.length === 0) return '';
  return matrixSvg(
    {
      title: 'What each circuit keeps of each prompt',
      unit: '1: as in the whole model; 0: as with every edge patched',
    },
    rows.map(({ index, group }) => `${clusters.groups[group]!.name}: ${index}`),
    columnsOf(clusters),
    rows.map(({ kept }) => kept),
  );
}

const overlapMatrix = (clusters: Clusters): string =>
  matrixSvg(
    { title: 'Edges in common', unit: 'shared ÷ all in either' },
    columnsOf(clusters),
    columnsOf(clusters),
    clusters.overlap,
  );

/** The shared circuit and each group's, at one size. */
function drawings(input: ReportInput, { clusters, circuits }: GroupedPrompts): string {
  const { graph } = input;
  const small = Math.min(clusters.edges, SMALL_EDGES);
  const drawn = circuits.map(({ circuit, scores }, g) => {
    const flat = new Float64Array(graph.edgeCount);
    for (const [number, score] of scores) flat[number] = score;
    const strongest = circuit.edges
      .toSorted((a, b) => Math.abs(flat[b]!) - Math.abs(flat[a]!) || a - b)
      .slice(0, small);
    return drawing(input, `circuit of ${clusters.groups[g]!.name}`, unflattenScores(graph, flat), strongest);
  });
  const shared = drawing(input, 'shared circuit', input.scores, rankedEdges(input, small).numbers.slice(0, small));
  const said =
    small < clusters.edges
      ? `<p class="note">Each drawing has the ${count(small)} most important of ${edgesText(clusters.edges)} (${percent(clusters.edges / graph.edgeCount)} of the graph).</p>`
      : '';
  return `<h3>Circuits</h3><div class="small-circuits">${[shared, ...drawn].join('')}</div>${said}`;
}

function drawing(input: ReportInput, name: string, scores: PruneScores, edges: readonly number[]): string {
  const { standardErrors: _, ...rest } = input;
  const own: ReportInput = { ...rest, scores, circuit: makeCircuit(input.graph, [...edges]), measurements: [] };
  const data = circuitDataOf(own, rankedEdges(own, Math.max(1, edges.length)));
  return `<figure><figcaption>${escapeHtml(name)}</figcaption>${smallCircuitSvg(data, edgesKept(data, null), `${name}, ${edgesText(edges.length)}`)}</figure>`;
}
