/** @file The section of the report about training: each curve of an algorithm that trains, by step, as SVG. */
import type { ReportInput } from '@auto-circuit/core/run';
import { figure, linePath, PLOT, valueScale, xTick, xTitle, yTick } from '../charts/frame.js';
import { count } from '../markup/text.js';

/** More points than this cannot be told apart on so small a chart. */
const MOST_POINTS = 300;

/** Nothing for algorithms that do not train. */
export function trainingSection({ curves = {} }: ReportInput): string {
  const drawn = Object.entries(curves).filter(([, values]) => values.some(Number.isFinite));
  if (drawn.length === 0) return '';
  return `<section aria-labelledby="training-title">
<h2 id="training-title">Training</h2>
<div class="curves">${drawn.map(([name, values]) => trainingSvg(name, values)).join('')}</div>
</section>`;
}

function trainingSvg(name: string, values: readonly number[]): string {
  const last = Math.max(1, values.length - 1);
  const x = (step: number): number => PLOT.left + 8 + ((PLOT.right - PLOT.left - 16) * step) / last;
  const steps = chosenSteps(values.length).filter((step) => Number.isFinite(values[step]));
  const y = valueScale(steps.map((step) => values[step]!));
  const path = linePath(steps.map((step) => [x(step), y.at(values[step]!)]));
  const parts = [
    ...y.ticks.map((tick) => yTick(tick, y.at(tick))),
    xTick(x(0), '1'),
    ...(values.length > 1 ? [xTick(x(last), count(values.length))] : []),
    `<g class="series c0"><path class="curve" d="${path}"/></g>`,
    xTitle('step'),
  ];
  const label = `${name} over ${count(values.length)} steps of training`;
  return figure({ title: name, label }, parts.join(''));
}

/** Evenly chosen steps, the first and the last among them. */
function chosenSteps(steps: number): number[] {
  if (steps <= MOST_POINTS) return Array.from({ length: steps }, (_, step) => step);
  return Array.from({ length: MOST_POINTS }, (_, i) => Math.round((i * (steps - 1)) / (MOST_POINTS - 1)));
}
