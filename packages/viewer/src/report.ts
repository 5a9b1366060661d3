/** @file The report of a run as one HTML file that needs nothing else: no network, no other file. */
import { fromJsonNumber, type ReportInput } from '@auto-circuit/core/run';
import { curveSvg } from './charts/curve.js';
import {
  type CircuitData,
  edgeName,
  edgeScore,
  edgesKept,
  numberOf,
  signedNumber,
  toneOf,
} from './drawing/circuit-data.js';
import { sectionHtml } from './markup/section.js';
import { count, escapeHtml, shortNumber } from './markup/text.js';
import { pageHtml } from './page-frame.js';
import { circuitDataOf, rankedEdges } from './sections/circuit-data-of.js';
import { circuitSection } from './sections/circuit-section.js';
import { measuredCurves } from './sections/measured-curves.js';
import { runFacts, titleOfModel } from './sections/run-facts.js';
import { areasNote, knownCircuitSection, type RunFigures } from './sections/run-figures.js';
import { trainingSection } from './sections/training-section.js';
import { verificationsSection } from './sections/verifications-section.js';

/** Rows of the table of edges before the script runs. */
const TABLE_EDGES = 100;

/**
 * The report of a run as the text of an HTML file. Equal runs give equal text: it holds no time and no path.
 * @param figures what the report says beyond the run's own files
 */
export function renderReport(input: ReportInput, figures: RunFigures = {}): string {
  const { run } = input;
  const data = circuitDataOf(input, rankedEdges(input));
  const facts = runFacts(run).map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  const body = [
    tiles(input),
    circuitSection(data),
    sectionHtml('curves', 'How faithful circuits of each size are', curvesHtml(input, figures)),
    sectionHtml('edges', 'Edges', edgeTable(data)),
    knownCircuitSection(figures, run.asked.algo.name),
    trainingSection(input),
    verificationsSection(input),
    sectionHtml('run', 'What was run', `<dl>${facts.join('')}</dl>`),
  ];
  return pageHtml(
    `${run.asked.data.name} in ${titleOfModel(run.asked.model.name)}`,
    lead(input),
    body.join('\n'),
    data,
  );
}

function lead({ run, graph }: ReportInput): string {
  const { algo, ablation, patchType } = run.asked;
  return `${algo.name} · ${count(graph.edgeCount)} edges between ${count(graph.sources.length)} sources and ${count(graph.destinations.length)} destinations · ${patchType} patch, ${ablation} ablation`;
}

function tiles({ circuit, graph, measurements, run }: ReportInput): string {
  const kept = circuit.edges.length;
  const point = measurements[0]?.points.find(({ edges }) => edges === kept);
  const share = (100 * kept) / graph.edgeCount;
  const entries: (readonly [string, string])[] = [
    [count(kept), `edges kept of ${count(graph.edgeCount)} (${shortNumber(share)} %)`],
  ];
  if (point?.faithfulness !== undefined)
    entries.push([shortNumber(fromJsonNumber(point.faithfulness)), 'faithfulness (the whole model is 1)']);
  for (const { metric, unit, points, model } of measurements.slice(0, 3)) {
    const value = points.find(({ edges }) => edges === kept)?.value;
    if (value === undefined) continue;
    entries.push([
      shortNumber(fromJsonNumber(value)),
      `${metric}, ${unit} (whole model ${shortNumber(fromJsonNumber(model))})`,
    ]);
  }
  entries.push([count(run.prompts.test), `prompts measured, ${count(run.prompts.train)} for scores`]);
  return `<div class="tiles">${entries.map(([big, small]) => `<div class="tile"><b>${escapeHtml(big)}</b><span>${escapeHtml(small)}</span></div>`).join('')}</div>`;
}

function curvesHtml(input: ReportInput, figures: RunFigures): string {
  const curves = measuredCurves(input);
  if (curves.length === 0) return '';
  const hasErrors = curves.some(({ series }) => series.some(({ points }) => points.some((p) => p.standardError)));
  const note = hasErrors ? '<p class="note">Bands: one standard error over prompts to each side.</p>' : '';
  return `<div class="curves">${curves.map(curveSvg).join('')}</div>${note}${areasNote(figures)}`;
}

/** The kept circuit in words; the page's script lets it follow slider and search. */
function edgeTable(data: CircuitData): string {
  const kept = edgesKept(data, null);
  const shown = kept.slice(0, TABLE_EDGES);
  const largest = shown.map((edge) => Math.abs(edgeScore(data, edge))).find(Number.isFinite) || 1;
  const rows = shown.map((edge) => {
    const score = edgeScore(data, edge);
    const tone = toneOf(score, data.signed);
    const error = data.edges.error?.[edge];
    const bar = Math.round(120 * Math.min(1, Math.abs(score) / largest));
    return `<tr data-edge="${edge}"><td class="n">${edge + 1}</td><td><code>${escapeHtml(edgeName(data, edge))}</code></td><td class="n ${tone}">${signedNumber(score, data.signed)}</td><td class="n">${error === undefined ? '' : shortNumber(numberOf(error))}</td><td class="wide ${tone}"><span class="bar" style="width:${bar}px"></span></td></tr>`;
  });
  const said = `${count(kept.length)} edges in this circuit${shown.length < kept.length ? `; the first ${shown.length} are listed` : ''}`;
  return `<p class="note" id="edges-said">${said}</p>
<div id="edges" class="edges scroll" tabindex="0" role="region" aria-label="Edges of the circuit"><table><thead><tr><th class="n" scope="col">#</th><th scope="col">edge</th><th class="n" scope="col">${data.signed ? 'score' : 'importance'}</th><th class="n" scope="col">± error</th><th class="wide"></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>
<button id="edges-more" type="button" hidden>Show more</button>`;
}
