/** @file The report of many runs as one HTML file: by task, their curves, areas, ROC, overlap and small drawings; what was run. */
import { barsSvg } from './charts/bars.js';
import { type Curve, curveSvg } from './charts/curve.js';
import { seriesClass } from './charts/frame.js';
import type { SizedMap } from './charts/heat-cell.js';
import { heatMapSvg } from './charts/heat-map.js';
import { rocSvg } from './charts/roc.js';
import {
  bySeries,
  type Colours,
  type ComparedRun,
  coloursOf,
  commonMetrics,
  measurementOf,
  metricSeries,
} from './comparison/series.js';
import { comparisonTable, faithfulnessOf } from './comparison/table.js';
import { edgesKept } from './drawing/circuit-data.js';
import { smallCircuitSvg } from './drawing/circuit-svg.js';
import { sectionHtml } from './markup/section.js';
import { count, edgesText, escapeHtml, plural, shortNumber } from './markup/text.js';
import { pageHtml } from './page-frame.js';
import { circuitDataOf, rankedEdges } from './sections/circuit-data-of.js';
import { faithfulnessCurve, referenceLines } from './sections/measured-curves.js';
import type { AreaFigure } from './sections/run-figures.js';

/** Runs of one task on one graph. */
export interface RunGroup {
  readonly title: string;
  readonly runs: readonly ComparedRun[];
  /** How much the top edges of each two runs overlap, at some numbers of edges; ascending. */
  readonly overlaps: readonly Overlap[];
}
/** Overlap of the top edges of every two runs. */
export interface Overlap {
  readonly edges: number;
  /** |A ∩ B| / |A ∪ B|: a row and a column for each run. */
  readonly jaccard: readonly (readonly number[])[];
}
/** What the report of many runs is made from. */
export interface ComparisonInput {
  readonly title: string;
  readonly groups: readonly RunGroup[];
}

/** More edges than these are too many for a small drawing. */
const SMALL_EDGES = 100;

/** The whole HTML text. Equal runs give equal text. */
export function renderComparison({ title, groups }: ComparisonInput): string {
  const runs = groups.flatMap((group) => group.runs);
  const colours = coloursOf(runs.map(({ series }) => series));
  const body = [
    ...groups.map((group, index) => groupSection(group, index, colours)),
    sectionHtml('run', 'Settings of the runs', comparisonTable(groups)),
  ];
  const lead = [
    plural(runs.length, 'run'),
    plural(groups.length, 'task'),
    plural(colours.size, 'algorithm'),
    plural(new Set(runs.map(({ input }) => input.run.asked.seed)).size, 'seed'),
  ].join(' · ');
  return pageHtml(title, lead, body.join('\n'));
}

function groupSection(group: RunGroup, index: number, colours: Colours): string {
  const { runs } = group;
  const repeated = [...bySeries(runs).values()].some((own) => own.length > 1);
  const bands = repeated
    ? 'Lines are means over seeds; bands are one standard error over seeds to either side.'
    : 'Bands are one standard error over prompts to either side.';
  const charts = [
    ...commonMetrics(runs).map((metric) => curveSvg(metricCurve(group, metric, colours))),
    ...areaBars(runs, colours),
    ...rocCharts(runs, colours),
  ];
  return sectionHtml(
    `task-${index}`,
    group.title,
    `${swatches(runs, colours)}<div class="curves">${charts.join('')}</div><p class="note">${bands}</p>
${overlapBlock(group, index)}
${smallCircuits(runs)}${notesOf(runs)}`,
  );
}

function swatches(runs: readonly ComparedRun[], colours: Colours): string {
  const entries = [...bySeries(runs).keys()].map(
    (name) => `<li class="${seriesClass(colours.get(name) ?? 0)}"><i></i><span>${escapeHtml(name)}</span></li>`,
  );
  return `<ul class="legend swatches">${entries.join('')}</ul>`;
}

function metricCurve({ runs }: RunGroup, metric: string, colours: Colours): Curve {
  const series = metricSeries(runs, metric, colours);
  const total = Math.max(...runs.map(({ input }) => input.graph.edgeCount));
  if (metric === 'faithfulness') return { ...faithfulnessCurve(series), total };
  // Seeds may have other test prompts, and so another model value: a line across would be of one of them only.
  const measured = runs.map(({ input }) => measurementOf(input, metric)!);
  const one = new Set(measured.map(({ model, empty }) => `${model} ${empty}`)).size === 1;
  const { unit, model, empty } = measured[0]!;
  return { title: metric, unit, series, lines: one ? referenceLines({ model, empty }) : [], total };
}

function areaBars(runs: readonly ComparedRun[], colours: Colours): string[] {
  const metrics = [...new Set(runs.flatMap(({ figures }) => (figures?.areas ?? []).map(({ metric }) => metric)))];
  const groups = [...bySeries(runs)];
  return metrics.map((metric) => {
    const areasOf = (own: readonly ComparedRun[]): AreaFigure[] =>
      own.flatMap(({ figures }) => figures?.areas?.find((area) => area.metric === metric) ?? []);
    // Over the widest range of sizes that any run has: areas over narrower ranges cannot be compared with it.
    const all = areasOf(runs).filter(({ area }) => area !== null);
    const widest = all.toSorted((a, b) => b.to / b.from - a.to / a.from)[0];
    if (!widest) return '';
    const bars = groups.map(([name, own]) => {
      const areas = areasOf(own);
      const values = areas.map(({ area, from, to }) => (from === widest.from && to === widest.to ? area : null));
      const [first] = areas;
      const none = first?.area == null ? 'none' : `measured from ${count(first.from)} to ${count(first.to)} only`;
      return { name, colour: colours.get(name) ?? 0, values, none };
    });
    return barsSvg(
      `Area under ${metric}`,
      `over log₁₀ of the number of edges, ${count(widest.from)} to ${count(widest.to)}`,
      bars,
    );
  });
}

/** One chart for each known circuit; of a series its first run is drawn, and the area is that run's. */
function rocCharts(runs: readonly ComparedRun[], colours: Colours): string[] {
  const first = [...bySeries(runs)].map(([name, own]) => ({ name, known: own[0]!.figures?.known ?? [] }));
  const names = [...new Set(first.flatMap(({ known }) => known.map(({ name }) => name)))];
  return names.map((circuit) => {
    const series = first.flatMap(({ name, known }) => {
      const found = known.find((one) => one.name === circuit);
      return found ? [{ name, points: found.points, area: found.area, colour: colours.get(name) ?? 0 }] : [];
    });
    const bars = series.map(({ name, area, colour }) => ({ name, values: [area], colour }));
    return `${rocSvg(circuit, series)}${barsSvg(`Area under ROC: “${circuit}”`, '', bars)}`;
  });
}

function overlapBlock({ runs, overlaps }: RunGroup, index: number): string {
  if (runs.length < 2 || overlaps.length === 0) return '';
  const smallest = Math.min(...runs.map(({ input }) => input.circuit.edges.length));
  const start = Math.max(
    0,
    overlaps.findLastIndex(({ edges }) => edges <= smallest),
  );
  const { edges, jaccard } = overlaps[start]!;
  const maps: SizedMap[] = overlaps.map(({ edges: size, jaccard: rows }) => ({
    edges: size,
    values: rows.flat().map((value) => Number(value.toFixed(3))),
  }));
  const words = `strongest ${edgesText(edges)}`;
  const id = `overlap-${index}`;
  const map = heatMapSvg(
    { title: 'Overlap of the strongest edges', unit: 'edges in both ÷ edges in either' },
    runs.map(({ name }) => name),
    jaccard,
  );
  return `<div class="overlap" data-maps="${escapeHtml(JSON.stringify(maps))}"><div class="controls"><label for="${id}" class="grow">Edges <input id="${id}" type="range" min="0" max="${maps.length - 1}" value="${start}" aria-valuetext="${words}"></label><output for="${id}">${words}</output></div>${map}</div>`;
}

/** The circuit of the first run of each series. */
function smallCircuits(runs: readonly ComparedRun[]): string {
  const drawings = [...bySeries(runs)].map(([series, own]) => {
    const { input, href } = own[0]!;
    const kept = input.circuit.edges.length;
    const data = circuitDataOf(input, rankedEdges(input, Math.max(1, Math.min(kept, SMALL_EDGES))));
    const shown = edgesKept(data, null).slice(0, SMALL_EDGES);
    const faithful = faithfulnessOf(own[0]!);
    const said = [
      kept > shown.length ? `${shown.length} of ${edgesText(kept)}` : edgesText(kept),
      ...(faithful === null ? [] : [`faithfulness ${shortNumber(faithful)}`]),
    ].join(', ');
    const name = href === undefined ? escapeHtml(series) : `<a href="${escapeHtml(href)}">${escapeHtml(series)}</a>`;
    return `<figure${data.positions === null ? '' : ' class="broad"'}><figcaption>${name}<br><span class="unit">${escapeHtml(said)}</span></figcaption>${smallCircuitSvg(data, shown, `The circuit of ${series}, ${said}`)}</figure>`;
  });
  return `<h3>Kept circuits</h3><div class="small-circuits">${drawings.join('')}</div>`;
}

const notesOf = (runs: readonly ComparedRun[]): string =>
  [...new Set(runs.flatMap(({ figures }) => figures?.notes ?? []))]
    .map((note) => `<p class="note">${escapeHtml(note)}</p>`)
    .join('');
