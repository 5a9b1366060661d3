/** @file What a report says beyond the run's own files: areas under its curves, and how well it finds a known circuit. */
import { type RocPoint, rocSvg } from '../charts/roc.js';
import { sectionHtml } from '../markup/section.js';
import { count, edgesText, escapeHtml, shortNumber } from '../markup/text.js';

/** An area under a curve. */
export interface AreaFigure {
  /** A metric, or `faithfulness`. */
  readonly metric: string;
  /** ∫ value d log10(edges), from 1 edge up; null where the curve has none. */
  readonly area: number | null;
  /** The sizes that it goes from and to: only areas over the same sizes can be compared. */
  readonly from: number;
  readonly to: number;
}
/** How well scores find a known circuit. */
export interface KnownCircuitFigure {
  readonly name: string;
  /** What it holds, and the paper. */
  readonly doc: string;
  readonly edges: number;
  readonly points: readonly RocPoint[];
  /** Under `points`: 1 is perfect, ½ is chance. */
  readonly area: number;
}
/** What is computed of a run for its report. */
export interface RunFigures {
  /** The task in a line, as lists of tasks have it. */
  readonly task?: string;
  readonly areas?: readonly AreaFigure[];
  readonly known?: readonly KnownCircuitFigure[];
  /** Why there is no such figure where one could be expected. */
  readonly notes?: readonly string[];
}

/** A line under the curves. */
export function areasNote({ areas = [] }: RunFigures): string {
  const known = areas.flatMap(({ metric, area }) =>
    area === null ? [] : [`${escapeHtml(metric)} ${shortNumber(area)}`],
  );
  return known.length === 0
    ? ''
    : `<p class="note">Area under each curve over log<sub>10</sub> of the number of edges, from ${count(areas[0]!.from)} to ${count(areas[0]!.to)}: ${known.join(', ')}.</p>`;
}

/** The section about known circuits; nothing where the task has none. */
export function knownCircuitSection({ known = [], notes = [] }: RunFigures, series: string): string {
  if (known.length === 0 && notes.length === 0) return '';
  const charts = known.map(({ name, points, area }) => rocSvg(name, [{ name: series, points, area, colour: 0 }]));
  const lines = known.map(
    ({ name, doc, edges, area }) =>
      `<p class="note">${escapeHtml(name)}: ${escapeHtml(doc)} (${edgesText(edges)}). Area under the curve: ${shortNumber(area)}, where 1 is perfect and 0.5 is chance.</p>`,
  );
  const said = notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`);
  return sectionHtml(
    'known',
    'Compared with the known circuit',
    `${charts.length ? `<div class="curves">${charts.join('')}</div>` : ''}${[...lines, ...said].join('')}`,
  );
}
