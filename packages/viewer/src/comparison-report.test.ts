/** @file The report of many runs. */
import { describe, expect, it } from 'vitest';
import { type ComparedRun, commonMetrics, meanPoints, metricSeries } from './comparison/series.js';
import { type ComparisonInput, renderComparison } from './comparison-report.js';
import { exampleInput } from './testing/example-input.js';

/** Three algorithms with two seeds each. */
function exampleRuns({ layers = 2, heads = 3, evil = '' } = {}): ComparedRun[] {
  return ['eap', 'acdc', `random${evil}`].flatMap((algo, a) =>
    [0, 1].map((seed) => ({
      name: `${algo}, seed ${seed}`,
      series: algo,
      input: exampleInput({ layers, heads, algo, seed: 10 * a + seed + 1 }),
      href: `${a}-${seed}/report.html`,
      figures: {
        areas: [{ metric: 'kl', area: algo === 'acdc' ? 0.5 : 2 + seed, from: algo === 'acdc' ? 20 : 1, to: 90 }],
      },
    })),
  );
}
const IDENTITY = Array.from({ length: 6 }, (_, row) =>
  Array.from({ length: 6 }, (_, column) => (row === column ? 1 : 0.25)),
);
const example = (title: string, runs = exampleRuns()): ComparisonInput => ({
  title,
  groups: [{ title: 'ioi', runs, overlaps: [10, 50].map((edges) => ({ edges, jaccard: IDENTITY })) }],
});
const withoutScript = (html: string): string => html.replaceAll(/<script>.*?<\/script>/gs, '');

describe('renderComparison', () => {
  const html = withoutScript(renderComparison(example('many')));

  it('has a line for each algorithm, in one colour on the whole page, and a row for each run', () => {
    expect(html).toContain('6 runs · 1 task · 3 algorithms · 6 seeds');
    const [kl] = /<figure class="chart"><figcaption>kl .*?<\/figure>/s.exec(html)!;
    expect([...kl.matchAll(/class="series (c\d)"/g)].map(([, colour]) => colour)).toEqual(['c0', 'c1', 'c2']);
    expect(html.match(/<tbody>.*<\/tbody>/s)![0].match(/<tr>/g)).toHaveLength(6);
    expect(html).toContain('<a href="1-0/report.html">acdc, seed 0</a>');
    expect(html).toContain('The same in every run: model gpt2');
  });

  it('compares areas over the same sizes only', () => {
    const [bars] = /<figure class="chart"><figcaption>Area under kl.*?<\/figure>/s.exec(html)!;
    expect(bars).toContain('over log₁₀ of the number of edges, 1 to 90');
    expect(bars).toContain('measured from 20 to 90 only');
    expect(bars).toContain('>2.50</text>'); // the mean of 2 and 3
    expect(bars.match(/class="value"/g)).toHaveLength(4);
  });

  it('shows the overlap of each two, and holds it for other numbers of edges', () => {
    expect(html.match(/class="cell"/g)).toHaveLength(36);
    expect(html).toContain('eap, seed 0 and acdc, seed 1: 0.25');
    const maps = JSON.parse(/data-maps="([^"]*)"/.exec(html)![1]!.replaceAll('&quot;', '"'));
    expect(maps.map(({ edges }: { edges: number }) => edges)).toEqual([10, 50]);
    expect(maps[0].values).toHaveLength(36);
  });

  it('lets no name out of its place, and draws one run without an overlap', () => {
    const evil = renderComparison(example('<img src=x>', exampleRuns({ evil: '"><img src=x onerror=alert(1)>' })));
    expect(evil).not.toContain('<img');
    const [run] = exampleRuns();
    const one = renderComparison({ title: 'one', groups: [{ title: 'ioi', runs: [run!], overlaps: [] }] });
    expect(withoutScript(one)).not.toContain('data-maps');
  });

  it('stays small with many runs of a model like GPT-2', () => {
    const runs = exampleRuns({ layers: 12, heads: 12 });
    const group = { title: 'ioi', runs: [...runs, ...runs], overlaps: [] };
    const many = renderComparison({ title: 'many', groups: [group, group, group] });
    expect(many.length).toBeLessThan(700_000);
  });
});

describe('lines of several runs', () => {
  it('are the mean at the sizes that all have, with its standard error', () => {
    const curve = (...values: number[]) => values.map((value, i) => ({ edges: 10 ** i, value, standardError: 9 }));
    // 1, 3: mean 2, squares 1 + 1, over 2 · 1; the third size is of one run only.
    expect(meanPoints([curve(1, 2), curve(3, 2, 7)])).toEqual([
      { edges: 1, value: 2, standardError: 1 },
      { edges: 10, value: 2, standardError: 0 },
    ]);
    expect(meanPoints([curve(1, 2)])).toEqual(curve(1, 2));
  });

  it('are drawn for metrics that every run has', () => {
    const [a, b] = exampleRuns();
    const less = { ...b!, input: { ...b!.input, measurements: b!.input.measurements.slice(0, 1) } };
    expect(commonMetrics([a!, b!])).toEqual(['faithfulness', 'kl', 'logit-diff']);
    expect(commonMetrics([a!, less])).toEqual(['faithfulness', 'kl']);
    expect(metricSeries([a!, b!], 'faithfulness', new Map())).toHaveLength(1);
  });
});
