/** @file The section of the report about other backends that computed the same numbers again; a line for each. */
import { fromJsonNumber, type ReportInput, type Verification } from '@auto-circuit/core/run';
import { count, escapeHtml, shortNumber } from '../markup/text.js';

/** The section's HTML; empty where no backend was asked. */
export function verificationsSection({ verifications = [] }: ReportInput): string {
  if (verifications.length === 0) return '';
  return `<section aria-labelledby="verified-title">
<h2 id="verified-title">Made again by other backends</h2>
<div class="scroll"><table><thead><tr><th>backend</th><th class="n">scores, largest difference</th><th class="n">edges in both circuits</th><th>metrics, largest difference</th><th></th></tr></thead><tbody>${verifications.map(row).join('')}</tbody></table></div>
</section>`;
}

function row({ agrees, backend, against, scores, circuit, measurements }: Verification): string {
  const same = backend.name === against.name ? ' (the run’s own)' : '';
  const metrics = measurements
    .map(({ metric, unit, difference }) => `${metric} ${shortNumber(fromJsonNumber(difference))} ${unit}`)
    .join(', ');
  const cells: readonly (readonly [string, string])[] = [
    ['', `${backend.name} on ${backend.device}${same}, ${backend.runtime}`],
    ['n', `${shortNumber(fromJsonNumber(scores.relative))} of the largest`],
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
