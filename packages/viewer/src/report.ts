/** @file The report of a run as one HTML file that needs nothing else: no network, no other file. */
import { fromJsonNumber, type Measurement, type ReportInput } from '@auto-circuit/core';
import { circuitLayout } from './circuit-layout.js';
import { circuitSvg } from './circuit-svg.js';
import { type Curve, curveSvg } from './curve.js';
import { count, escapeHtml, scriptJson, shortNumber } from './escape.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';
import { pageData, type RankedEdge, rankedEdges } from './report-data.js';
import { trainingSection } from './training-curves.js';
import { verificationsSection } from './verifications.js';

/** Rows of the table of edges. */
const TABLE_EDGES = 100;

/** The whole HTML text. Equal runs give equal text: there is no time and no path in it. */
export function renderReport(input: ReportInput): string {
  const { run } = input;
  const layout = circuitLayout(input.graph);
  const ranked = rankedEdges(input);
  const data = pageData(input, layout, ranked, scoreText);
  const title = `${run.asked.data.name} in ${run.asked.model.name}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escapeHtml(`${title} – AutoCircuit`)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="lead">${escapeHtml(subtitle(input))}</p>
</header>
${tiles(input)}
<section aria-labelledby="circuit-title">
<h2 id="circuit-title">Circuit</h2>
<div class="controls">
<label for="size">Edges <input id="size" type="range" min="0" max="${data.stops.length - 1}" value="${data.start}" aria-valuetext="${data.stops[data.start]} edges"></label>
<output id="shown" for="size">${data.stops[data.start]} edges</output>
<button id="kept" type="button">Kept circuit</button>
</div>
<div class="scroll">${circuitSvg(layout, data)}</div>
<p class="legend"><span class="pos"><i></i>supports the answer</span><span class="neg"><i></i>works against it</span><span>width: size of the score</span><span>choose a node to see its edges</span></p>
${data.edges.length < input.graph.edgeCount ? `<p class="legend">The ${count(data.edges.length)} most important of ${count(input.graph.edgeCount)} edges can be shown.</p>` : ''}
</section>
<section aria-labelledby="curves-title">
<h2 id="curves-title">How faithful circuits of each size are</h2>
<div class="curves">${curvesOf(input).map(curveSvg).join('')}</div>
</section>
<section aria-labelledby="edges-title">
<h2 id="edges-title">Most important edges</h2>
${edgeTable(ranked)}
</section>
${trainingSection(input)}
${verificationsSection(input)}
<section aria-labelledby="run-title">
<h2 id="run-title">What was run</h2>
<dl>${facts(input)
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join('')}</dl>
</section>
</main>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

const signed = (score: number): string => (score > 0 ? `+${shortNumber(score)}` : shortNumber(score));
const scoreText = ({ score, standardError }: RankedEdge): string =>
  standardError === undefined ? signed(score) : `${signed(score)} ± ${shortNumber(standardError)}`;

function subtitle({ run, graph }: ReportInput): string {
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

function curvesOf({ measurements, circuit, graph }: ReportInput): Curve[] {
  const common = { kept: circuit.edges.length, total: graph.edgeCount };
  const faithful = measurements[0]?.points.flatMap(({ edges, faithfulness }) =>
    faithfulness === undefined ? [] : [{ edges, value: fromJsonNumber(faithfulness) }],
  );
  const curves = measurements.map((measurement) => ({ ...metricCurve(measurement), ...common }));
  if (!faithful?.length || measurements.some(({ metric }) => metric === 'faithfulness')) return curves;
  const lines = [
    { label: 'whole model', value: 1 },
    { label: 'empty circuit', value: 0 },
  ];
  return [
    {
      title: 'faithfulness',
      unit: 'share of the logit difference',
      points: faithful,
      lines,
      band: [0.9, 1.1],
      ...common,
    },
    ...curves,
  ];
}

function metricCurve({
  metric,
  unit,
  points,
  model,
  empty,
}: Measurement): Pick<Curve, 'title' | 'unit' | 'points' | 'lines'> {
  return {
    title: metric,
    unit,
    points: points.map(({ edges, value, standardError }) => ({
      edges,
      value: fromJsonNumber(value),
      ...(standardError === undefined ? {} : { standardError: fromJsonNumber(standardError) }),
    })),
    lines: [
      { label: 'whole model', value: fromJsonNumber(model) },
      { label: 'empty circuit', value: fromJsonNumber(empty) },
    ],
  };
}

function edgeTable(ranked: readonly RankedEdge[]): string {
  const shown = ranked.slice(0, TABLE_EDGES);
  const largest = Math.max(...shown.map(({ score }) => Math.abs(score)).filter(Number.isFinite), 0) || 1;
  const rows = shown.map((entry, i) => {
    const share = Math.min(1, Math.abs(entry.score) / largest);
    const kind = entry.score < 0 ? 'neg' : 'pos';
    const error = entry.standardError === undefined ? '' : shortNumber(entry.standardError);
    return `<tr><td class="n">${i + 1}</td><td><code>${escapeHtml(entry.edge.name)}</code></td><td class="n ${kind}">${signed(entry.score)}</td><td class="n">${error}</td><td class="wide ${kind}"><span class="bar" style="width:${Math.round(share * 120)}px"></span></td></tr>`;
  });
  return `<div class="edges scroll" tabindex="0" role="region" aria-label="Most important edges"><table><thead><tr><th class="n">#</th><th>edge</th><th class="n">score</th><th class="n">± error</th><th class="wide"></th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function facts({ run }: ReportInput): (readonly [string, string])[] {
  const { asked, prompts, versions } = run;
  const options = (values: Readonly<Record<string, unknown>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const named = ({ name, options: values }: { name: string; options: Readonly<Record<string, unknown>> }): string =>
    Object.keys(values).length ? `${name} (${options(values)})` : name;
  return [
    [
      'model',
      `${asked.model.name}${asked.model.processing.length ? ` (${asked.model.processing.join(', ')})` : ' (weights as they are)'}`,
    ],
    ['data', asked.data.name],
    [
      'prompts',
      `${prompts.train} for scores, ${prompts.test} measured${asked.test === 'same' ? ' (the same ones)' : ''}; ${Object.entries(
        prompts.lengths,
      )
        .map(([length, n]) => `${n} of ${length} tokens`)
        .join(', ')}`,
    ],
    ['algorithm', named(asked.algo)],
    ['objective', asked.objective],
    [
      'patching',
      `${asked.patchType} patch, ${asked.ablation} ablation${asked.ablation === 'resample' ? '' : ` from ${asked.ablateFrom}`}${asked.reverse ? ', clean and corrupt reversed' : ''}`,
    ],
    ['metrics', asked.metrics.map(named).join(', ')],
    ['graph', options(asked.graph)],
    ['batch size, seed', `${asked.batchSize}, ${asked.seed}`],
    ['backend', `${asked.backend.name} on ${asked.backend.device}, ${asked.backend.threads} threads (${run.runtime})`],
    ['model key', asked.model.key],
    ['data hash', asked.data.hash],
    ['versions', options(versions)],
  ];
}
