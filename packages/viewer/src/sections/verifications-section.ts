/** @file The section of the report about other backends that reproduced the numbers; a line for each. */
import { fromJsonNumber, type ReportInput, type Verification } from '@auto-circuit/core/run';
import { count, escapeHtml, shortNumber } from '../markup/text.js';

/** The section's HTML; empty where no backend was asked. */
export function verificationsSection({ verifications = [] }: ReportInput): string {
  if (verifications.length === 0) return '';
  return `<section aria-labelledby="verified-title">
<h2 id="verified-title">Reproduced on other backends</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Results of other backends"><table><thead><tr><th scope="col">backend</th><th scope="col" class="n">largest difference in scores</th><th scope="col" class="n">edges in both circuits</th><th scope="col">largest difference in metrics</th><th scope="col">result</th></tr></thead><tbody>${verifications.map(row).join('')}</tbody></table></div>
</section>`;
}

function row({ agrees, backend, against, scores, circuit, measurements }: Verification): string {
  const same = backend.name === against.name ? ' (the backend of this run)' : '';
  const metrics = measurements
    .map(({ metric, unit, difference }) => `${metric} ${shortNumber(fromJsonNumber(difference))} ${unit}`)
    .join(', ');
  const cells: readonly (readonly [string, string])[] = [
    ['', `${backend.name} on ${backend.device}${same}, ${backend.runtime}`],
    ['n', `${shortNumber(fromJsonNumber(scores.relative))} of the largest score`],
    ['n', `${count(circuit.both)} of ${count(circuit.edges)}`],
    ['', metrics],
    [agrees ? 'pos' : 'neg', agrees ? 'agrees' : `differs: ${differing({ scores, circuit, measurements })}`],
  ];
  return `<tr>${cells.map(([kind, text]) => `<td${kind ? ` class="${kind}"` : ''}>${escapeHtml(text)}</td>`).join('')}</tr>`;
}

function differing({
  scores,
  circuit,
  measurements,
}: Pick<Verification, 'scores' | 'circuit' | 'measurements'>): string {
  const compared = [
    { name: 'scores', ...scores },
    { name: 'circuit', ...circuit },
    ...measurements.map(({ metric, agrees }) => ({ name: metric, agrees })),
  ];
  return compared
    .filter(({ agrees }) => !agrees)
    .map(({ name }) => name)
    .join(', ');
}
