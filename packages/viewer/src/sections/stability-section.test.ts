import type { Stability } from '@auto-circuit/core/run';
import { expect, it } from 'vitest';
import { renderReport } from '../report.js';
import { exampleInput } from '../testing/example-input.js';
import { stabilitySection } from './stability-section.js';

const stability: Stability = {
  format: 'auto-circuit stability 1',
  edges: 2,
  metric: { name: 'faithfulness', unit: 'share', higherIsBetter: true },
  value: 0.93,
  level: 0.95,
  resamples: {
    by: 'prompts',
    count: 1000,
    prompts: 40,
    overlap: { mean: 0.78, low: 0.5, high: 1 },
    measured: 10,
    value: { mean: 0.91, low: 0.9, high: 0.92 },
  },
  variations: [
    { kind: 'seed', name: '1', edges: 2, both: 1, either: 3, value: 0.9, ofRun: 0.88 },
    { kind: 'paraphrases', name: '<b>.json', edges: 2, both: 2, either: 2, value: null, ofRun: null, reason: 'no gap' },
  ],
  certificates: { deletion: 0.8, subsets: 1000, heldPatch: true, in: 1, out: 200, abstains: 61, value: 0.85 },
  listed: [
    { edge: 'A0.0->MLP 1', kept: true, share: 1, low: 0.996, high: 1, sign: 1, variations: 2, certified: 'in', radius: 3 },
    { edge: 'MLP 0->MLP 1', kept: true, share: 0.5, low: 0.47, high: 0.53, sign: 0.9, variations: 1, certified: 'abstains', radius: 0 },
    { edge: 'MLP 0->A1.0.Q', kept: false, share: 0.4, low: 0.37, high: 0.43, sign: 0.8, variations: 0, certified: 'abstains', radius: 0 },
  ],
}; // biome-ignore format: a line for each edge

/** Texts of the cells of each row. */
const cells = (html: string): string[][] =>
  [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map(([, cell]) => cell!.replace(/<[^>]*>/g, '')),
  );

it('has a row for each condition and each edge, and says what is certified', () => {
  const html = stabilitySection({ ...exampleInput(), stability });
  const rows = cells(html);
  expect(rows).toContainEqual(['this run', '', '0.930', '0.930']);
  expect(rows).toContainEqual(['resamples', '78%', '0.910 (0.900 to 0.920)', '0.930']);
  expect(rows).toContainEqual(['seed 1', '33.3%', '0.900', '0.880']);
  expect(rows).toContainEqual(['paraphrases &lt;b&gt;.json: no gap', '100%', '–', '–']);
  expect(rows).toContainEqual([
    'A0.0->MLP 1'.replace('>', '&gt;'),
    '100%',
    '99.6% to 100%',
    '100%',
    '2 of 2',
    'in, 3 edits',
    '',
  ]);
  expect(html).toContain('MLP 0-&gt;A1.0.Q</code> (not in the circuit)');
  expect(html).toMatch(/1 in, 200 out, 61 abstain\. What is patched in is held\. .* faithfulness 0\.850/);
  expect(html).not.toMatch(/NaN|undefined/);
});

it('stands in the report where somebody looked, and nowhere else', () => {
  expect(renderReport({ ...exampleInput(), stability })).toContain('How the circuit holds up');
  expect(renderReport(exampleInput())).not.toContain('How the circuit holds up');
});

it('leaves out what was not asked for', () => {
  const html = stabilitySection({ ...exampleInput(), stability: { ...stability, variations: [], certificates: null } });
  expect(html).not.toContain('in conditions');
  expect(html).not.toContain('ertified');
});
