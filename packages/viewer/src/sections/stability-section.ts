/** @file The section of the report about how the circuit holds up: conditions, then the edges by how often they are found again. */
import { fromJsonNumber, type ReportInput, type Stability } from '@auto-circuit/core/run';
import { sectionHtml } from '../markup/section.js';
import { count, edgesText, escapeHtml, percent, plural, shortNumber } from '../markup/text.js';

/** Edges listed; `stability.json` has all. */
const EDGES_LISTED = 100;
/** Width of the bar of an edge that is always found, in pixels. */
const BAR = 120;

type Cell = readonly [kind: '' | 'n' | 'wide', html: string];

/** The section's HTML; empty where nobody looked. */
export function stabilitySection({ stability }: ReportInput): string {
  if (!stability) return '';
  const body = [
    `<p class="note">${escapeHtml(lead(stability))}</p>`,
    conditions(stability),
    edges(stability),
    certificates(stability),
  ];
  return sectionHtml('stability', 'How the circuit holds up', body.join('\n'));
}

function lead({ edges: size, resamples: { by, count: drawn, prompts, overlap }, level }: Stability): string {
  const how = by === 'prompts' ? 'Each prompt was scored by itself' : 'The algorithm ran on each';
  return `${plural(drawn, 'resample')} of ${plural(prompts, 'prompt')}, each with its own circuit of ${edgesText(size)}. ${how}. On average ${percent(overlap.mean)} of the edges of both circuits are in both (${percent(overlap.low)} to ${percent(overlap.high)} in ${percent(level)} of the resamples).`;
}

function conditions({ value, resamples, variations, metric }: Stability): string {
  const measured = resamples.value;
  const range =
    measured === null
      ? ''
      : `${shortNumber(measured.mean)} (${shortNumber(measured.low)} to ${shortNumber(measured.high)})`;
  const rows: Cell[][] = [
    [
      ['', 'this run'],
      ['n', ''],
      ['n', shown(value)],
      ['n', shown(value)],
    ],
    [
      ['', 'resamples'],
      ['n', percent(resamples.overlap.mean)],
      ['n', range],
      ['n', shown(value)],
    ],
    ...variations.map(({ kind, name, both, either, value: own, ofRun, reason }): Cell[] => [
      ['', escapeHtml(`${kind} ${name}${reason === undefined ? '' : `: ${reason}`}`)],
      ['n', percent(either === 0 ? 1 : both / either)],
      ['n', shown(own)],
      ['n', shown(ofRun)],
    ]),
  ];
  return table('Conditions', ['condition', 'found again', metric.name, 'of the run’s circuit'], rows);
}

function edges(stability: Stability): string {
  const { listed, variations, certificates: certified, level } = stability;
  const shownEdges = listed.slice(0, EDGES_LISTED);
  const rows = shownEdges.map((edge): Cell[] => [
    ['', `<code>${escapeHtml(edge.edge)}</code>${edge.kept ? '' : ' (not in the circuit)'}`],
    ['n', percent(edge.share)],
    ['n', `${percent(edge.low)} to ${percent(edge.high)}`],
    ['n', percent(edge.sign)],
    ...(variations.length > 0 ? [['n', `${edge.variations} of ${variations.length}`] as Cell] : []),
    ...(certified ? [['', certificateOf(edge)] as Cell] : []),
    ['wide', `<span class="bar" style="width:${Math.round(BAR * edge.share)}px"></span>`],
  ]);
  const titles = [
    'edge',
    'in resamples',
    `${percent(level)} interval`,
    'same sign',
    ...(variations.length > 0 ? ['in conditions'] : []),
    ...(certified ? ['certified'] : []),
    '',
  ];
  const more = listed.length - shownEdges.length;
  return `${table('Edges by how often they are found again', titles, rows, 'edges scroll')}${more > 0 ? `<p class="note">and ${edgesText(more)} more in stability.json</p>` : ''}`;
}

const certificateOf = ({ certified, radius = 0 }: Stability['listed'][number]): string =>
  certified === undefined ? '' : `${certified}${radius > 0 ? `, ${plural(radius, 'edit')}` : ''}`;

function certificates({ certificates: found, level, metric }: Stability): string {
  if (!found) return '';
  const circuit =
    found.value === null
      ? ''
      : ` The circuit of the edges certified to be in has ${metric.name} ${shown(found.value)}.`;
  return `<p class="note">${escapeHtml(
    `Certified, all together with ${percent(level)}: the majority of circuits of random subsets (${count(found.subsets)}, each prompt left out with ${found.deletion}) does not change when so many prompts are left out, added or replaced. Edges: ${count(found.in)} in, ${count(found.out)} out, ${count(found.abstains)} abstain.${found.heldPatch ? ' What is patched in is held.' : ''}${circuit}`,
  )}</p>`;
}

function table(label: string, titles: readonly string[], rows: readonly (readonly Cell[])[], kind = 'scroll'): string {
  const kinds = rows[0]?.map(([kind]) => kind) ?? [];
  const head = titles.map((title, i) => `<th scope="col"${classOf(kinds[i] ?? '')}>${title === '' ? '<span class="unseen">bar</span>' : escapeHtml(title)}</th>`); // biome-ignore format: one line
  const body = rows.map((row) => `<tr>${row.map(([kind, html]) => `<td${classOf(kind)}>${html}</td>`).join('')}</tr>`);
  return `<div class="${kind}" tabindex="0" role="region" aria-label="${escapeHtml(label)}"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

const classOf = (kind: Cell[0]): string => (kind === '' ? '' : ` class="${kind}"`);
const shown = (value: Stability['value']): string => (value === null ? '–' : shortNumber(fromJsonNumber(value)));
