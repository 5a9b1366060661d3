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
import { count, edgesText, escapeHtml, percent, shortNumber } from './markup/text.js';
import { pageHtml } from './page-frame.js';
import { circuitDataOf, rankedEdges } from './sections/circuit-data-of.js';
import { circuitSection } from './sections/circuit-section.js';
import { figuresSection } from './sections/figures-section.js';
import { edgesWords, modelWords } from './sections/graph-words.js';
import { groupsSection } from './sections/groups-section.js';
import { measuredCurves } from './sections/measured-curves.js';
import { promptsSection } from './sections/prompts-section.js';
import { runFacts, titleOfModel } from './sections/run-facts.js';
import { areasNote, knownCircuitSection, type RunFigures } from './sections/run-figures.js';
import { stabilitySection } from './sections/stability-section.js';
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
  const facts = runFacts(input).map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  const body = [
    tiles(input),
    circuitSection(input, data),
    sectionHtml('curves', 'Faithfulness by circuit size', curvesHtml(input, figures)),
    promptsSection(input),
    groupsSection(input),
    sectionHtml('edges', 'Edges', edgeTable(data)),
    knownCircuitSection(figures, run.asked.algo.name),
    figuresSection(input),
    trainingSection(input),
    stabilitySection(input),
    verificationsSection(input),
    sectionHtml('run', 'Settings of the run', `<dl>${facts.join('')}</dl>`),
  ];
  return pageHtml(titleOf(input, figures), lead(input), body.join('\n'), data);
}

/** `ioi-mini: indirect objects in a small world`, by the task's own line; else the data and the model. */
function titleOf({ run }: ReportInput, { task }: RunFigures): string {
  const { model, data } = run.asked;
  const about = (task ?? '').split(/[:;(]/)[0]!.trim();
  return about === '' ? `${data.name} in ${titleOfModel(model.name)}` : `${data.name}: ${about}`;
}

function lead({ run, graph }: ReportInput): string {
  const { algo, model } = run.asked;
  return `${titleOfModel(model.name)} has ${modelWords(graph)}: ${edgesWords(graph)}. The edges were scored by ${algo.name}.`;
}

function tiles({ circuit, graph, measurements, run }: ReportInput): string {
  const kept = circuit.edges.length;
  const point = measurements[0]?.points.find(({ edges }) => edges === kept);
  const entries: (readonly [string, string])[] = [
    [count(kept), `edges kept of ${count(graph.edgeCount)} (${percent(kept / graph.edgeCount)})`],
  ];
  if (point?.faithfulness !== undefined)
    entries.push([shortNumber(fromJsonNumber(point.faithfulness)), 'faithfulness; the whole model has 1']);
  for (const { metric, unit, points, model } of measurements.slice(0, 3)) {
    const value = points.find(({ edges }) => edges === kept)?.value;
    if (value === undefined) continue;
    entries.push([
      shortNumber(fromJsonNumber(value)),
      `${metric} in ${unit}; the whole model has ${shortNumber(fromJsonNumber(model))}`,
    ]);
  }
  entries.push([count(run.prompts.test), `prompts measured; ${count(run.prompts.train)} used for scores`]);
  return `<div class="tiles">${entries.map(([big, small]) => `<div class="tile"><b>${escapeHtml(big)}</b><span>${escapeHtml(small)}</span></div>`).join('')}</div>`;
}

function curvesHtml(input: ReportInput, figures: RunFigures): string {
  const curves = measuredCurves(input);
  if (curves.length === 0) return '';
  const hasErrors = curves.some(({ series }) => series.some(({ points }) => points.some((p) => p.standardError)));
  const note = hasErrors ? '<p class="note">Bands are one standard error over prompts to either side.</p>' : '';
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
  const said = `${edgesText(kept.length)} in this circuit${shown.length < kept.length ? `; the first ${shown.length} are listed` : ''}`;
  return `<p class="note" id="edges-said">${said}</p>
<div id="edges" class="edges scroll" tabindex="0" role="region" aria-label="Edges of the circuit"><table><thead><tr><th class="n" scope="col">rank</th><th scope="col">edge</th><th class="n" scope="col">${data.signed ? 'score' : 'importance'}</th><th class="n" scope="col">standard error</th><th class="wide" scope="col"><span class="unseen">bar</span></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>
<button id="edges-more" type="button" hidden>Show more</button>`;
}
