/** @file Figures that a result carries, of each kind: what is drawn is what the data say. */
import type { ResultFigure } from '@auto-circuit/core/run';
import { describe, expect, it } from 'vitest';
import { figureHtml, figuresSection } from './figures-section.js';

const numbers = (html: string, pattern: RegExp): number[] => [...html.matchAll(pattern)].map(([, n]) => Number(n));

describe('figuresSection', () => {
  it('is empty without figures, and escapes every word', () => {
    expect(figuresSection({})).toBe('');
    const evil = '<img src=x>';
    const figures: ResultFigure[] = [
      {
        kind: 'curve',
        title: evil,
        unit: evil,
        doc: evil,
        along: evil,
        lines: [{ name: evil, points: [{ x: 1, y: 2 }] }],
      },
      { kind: 'bars', title: evil, bars: [{ name: evil, value: 1 }] },
      { kind: 'heat-map', title: evil, rows: [evil], columns: [evil], values: [[1]] },
      { kind: 'table', title: evil, columns: [evil], rows: [[evil]] },
    ];
    const html = figuresSection({ figures });
    expect(html).not.toContain('<img');
    expect(html.match(/<figure/g)).toHaveLength(4);
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('draws the points of a curve in proportion, with a band where there are errors, and leaves out what is not finite', () => {
    const points = [0, 5, 10].map((x) => ({ x, y: 2 * x, error: 1 }));
    const html = figureHtml({
      kind: 'curve',
      title: 't',
      along: 'layer',
      lines: [{ name: 'a', points: [...points, { x: 7, y: Number.NaN }] }],
    });
    const x = numbers(html, /<circle[^>]*cx="([\d.]+)"/g);
    const y = numbers(html, /<circle[^>]*cy="([\d.]+)"/g);
    expect(x).toHaveLength(3);
    expect(x[1]! - x[0]!).toBeCloseTo(x[2]! - x[1]!, 1);
    expect(y[0]! - y[1]!).toBeCloseTo(y[1]! - y[2]!, 1);
    expect(html).toContain('class="error-band"');
    expect(html).toContain('a, layer 5: 10 ± 1');
  });

  it('gives a heat map the colour of the sign, the strength of the size, and no cell where there is no value', () => {
    const html = figureHtml({
      kind: 'heat-map',
      title: 't',
      rows: ['A0', 'A1'],
      columns: ['x', 'y'],
      values: [
        [1, -0.5],
        [null, 0],
      ],
    });
    expect(numbers(html, /fill-opacity="([\d.]+)"/g)).toEqual([0.55, 0.29, 0.03]);
    expect(html.match(/class="cell below"/g)).toHaveLength(1);
    expect(html).toContain('<title>A0, y: −0.500</title>');
  });

  it('sets columns of numbers to the right, and says of a bar without a value that it has none', () => {
    const table = figureHtml({
      kind: 'table',
      title: 't',
      columns: ['node', 'score'],
      rows: [
        ['A0.0', 1234.5],
        ['A0.1', null],
      ],
    });
    expect(table).toContain('<td>A0.0</td><td class="n">1,235</td>');
    expect(table).toContain('<td>A0.1</td><td class="n"></td>');
    const bars = figureHtml({
      kind: 'bars',
      title: 't',
      bars: [
        { name: 'a', value: 2 },
        { name: 'b', value: null },
      ],
    });
    expect(bars).toContain('>none</text>');
    expect(bars.match(/class="bar"/g)).toHaveLength(1);
  });
});
