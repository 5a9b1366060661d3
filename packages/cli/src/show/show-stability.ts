/** @file `stability` on the terminal: a line for each condition, then the edges of the circuit and those that nearly were in it. */
import type { Stability } from '@auto-circuit/core/run';
import { countOf, formatCount, formatFaithfulness } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';

/** Edges shown of the circuit, and beside it; the file has all. */
const EDGES_SHOWN = 30;
const OTHERS_SHOWN = 10;

const right = (title: string) => ({ title, align: 'right' as const });
type Value = Stability['value'];

/** @param name the run as the user typed it */
export function showStability(output: Output, stability: Stability, name: string): void {
  const { edges, resamples, listed, metric, certificates } = stability;
  output.line(output.colors.bold(`the circuit of ${name}: ${countOf(edges, 'edge')}`));
  output.line(howResampled(stability));
  output.line();
  writeTable(
    output,
    [{ title: 'condition' }, right('found again'), right(metric.name), right('of the run’s circuit')],
    conditionRows(stability),
  );
  for (const { kind, name: of, reason } of stability.variations)
    if (reason !== undefined) output.line(`${kind} ${of}: ${reason}`);
  output.line();
  const kept = listed.filter((edge) => edge.kept);
  const others = listed.filter((edge) => !edge.kept);
  const columns = [
    { title: 'edge' },
    right('in resamples'),
    right(`${percent(stability.level)} interval`),
    right('same sign'),
    ...(stability.variations.length > 0 ? [right('in conditions')] : []),
    ...(certificates ? [{ title: 'certified' }] : []),
  ];
  writeTable(output, columns, kept.slice(0, EDGES_SHOWN).map((edge) => edgeRow(stability, edge))); // biome-ignore format: one line
  if (kept.length > EDGES_SHOWN) output.line(`… and ${countOf(kept.length - EDGES_SHOWN, 'edge')} more of the circuit`);
  if (others.length > 0) {
    output.line();
    output.line('edges of other circuits');
    writeTable(output, columns, others.slice(0, OTHERS_SHOWN).map((edge) => edgeRow(stability, edge))); // biome-ignore format: one line
    if (others.length > OTHERS_SHOWN) output.line(`… and ${countOf(others.length - OTHERS_SHOWN, 'edge')} more`);
  }
  output.line();
  for (const line of certificateLines(stability)) output.line(line);
  if (resamples.by === 'runs')
    output.line(
      'nothing is certified: scores of this algorithm are no means over prompts, so subsets would need a run each',
    );
  output.line(`files   ${name}/stability.json, ${name}/report.html`);
}

function howResampled({ resamples: { by, count, prompts } }: Stability): string {
  const drawn = `${countOf(count, 'resample')} of ${countOf(prompts, 'prompt')}`;
  return by === 'prompts'
    ? `${drawn}, each of which was scored by itself`
    : `${drawn}, on each of which the algorithm ran`;
}

function conditionRows({ value, resamples, variations }: Stability): string[][] {
  const { overlap, value: measured, measured: howMany } = resamples;
  return [
    ['this run', '', shown(value), shown(value)],
    [
      'resamples',
      `${percent(overlap.mean)} (${percent(overlap.low)} to ${percent(overlap.high)})`,
      measured === null
        ? ''
        : `${formatFaithfulness(measured.mean)} (${formatFaithfulness(measured.low)} to ${formatFaithfulness(measured.high)}, ${howMany})`,
      shown(value),
    ],
    ...variations.map(({ kind, name, both, either, value: own, ofRun }) => [
      `${kind} ${name}`,
      percent(either === 0 ? 1 : both / either),
      shown(own),
      shown(ofRun),
    ]),
  ];
}

function edgeRow(
  { variations, certificates }: Stability,
  { edge, share, low, high, sign, variations: found, certified, radius = 0 }: Stability['listed'][number],
): string[] {
  const words = { in: 'in', out: 'out', abstains: 'abstains' } as const;
  return [
    edge,
    percent(share),
    `${percent(low)} to ${percent(high)}`,
    percent(sign),
    ...(variations.length > 0 ? [`${found} of ${variations.length}`] : []),
    ...(certificates ? [certified === undefined ? '' : `${words[certified]}${radius > 0 ? `, ${countOf(radius, 'edit')}` : ''}`] : []), // biome-ignore format: one line
  ];
}

function certificateLines({ certificates, metric, level }: Stability): string[] {
  if (!certificates) return [];
  const { deletion, subsets, in: inside, out, abstains, value, heldPatch } = certificates;
  const held = heldPatch ? '; what is patched in is held' : '';
  return [
    `certified at ${percent(level)}: ${formatCount(inside)} in, ${formatCount(out)} out, ${formatCount(abstains)} abstain (${countOf(subsets, 'subset')}, each prompt left out with ${deletion}${held})`,
    ...(value === null ? [] : [`${metric.name} of the certified circuit: ${shown(value)}`]),
  ];
}

const shown = (value: Value): string => (typeof value === 'number' ? formatFaithfulness(value) : (value ?? 'none'));
/** `97.4%`; whole percentages without decimals. */
const percent = (share: number): string => `${Number((100 * share).toFixed(1))}%`;
