import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgesByName } from '../../graph/edges.js';
import type { Mask } from '../../graph/types.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { filledMask } from '../exec/feeds.js';
import { StrategyChoice, type StrategyRequest } from './strategy.js';

/** Wide enough for the costs of a run to differ by strategy. */
const model = tinyTransformer({ layers: 3, heads: 4, kvHeads: 4 });
const graph = buildGraph(model.spec.layout);
const PATCH = { kind: 'resample', from: 'corrupt' } as const;
const BATCH = tinyPrompts(4);
const edges = (count: number): number[] => Array.from({ length: count }, (_, edge) => edge);
const patched = (count: number): Mask => maskFromEdges(graph, edges(count), { inside: 1, outside: 0 });
const kept = (count: number): Mask => maskFromEdges(graph, edges(count), { inside: 0, outside: 1 });

function open(request: Partial<StrategyRequest> = {}) {
  const lines: string[] = [];
  const onDebug = (line: string) => void lines.push(line);
  return { choice: new StrategyChoice({ model, graph, tokens: 2 ** 20, always: null, onDebug, ...request }), lines };
}

describe('the cheaper base', () => {
  it('is noising where few edges are patched, and denoising where few are kept', () => {
    const { choice } = open();
    const baseOf = (mask: Mask, tokens = 10 ** 9) => choice.cheapest(mask, PATCH, null, tokens).cheapest.base;
    expect(baseOf(patched(1))).toBe('noising');
    expect(baseOf(kept(1))).toBe('denoising');
  });

  it('costs more, the more it computes', () => {
    const { choice } = open({ always: 'denoising' });
    // What is patched wholly gives its patch value: most edges first, so that paths from the input to the end are left.
    const costs = [255, 150, 0].map((count) => {
      const mask = maskFromEdges(graph, edges(count), { inside: 1, outside: 0 });
      return choice.cheapest(mask, PATCH, null, 10 ** 7).cost;
    });
    expect(costs[0]).toBeLessThan(costs[1]!);
    expect(costs[1]).toBeLessThan(costs[2]!);
  });

  it('is the one that is asked for, whatever it costs', () => {
    for (const always of ['noising', 'denoising'] as const) {
      const { choice } = open({ always });
      for (const mask of [patched(1), kept(1)]) expect(choice.choose(mask, PATCH, BATCH)!.base).toBe(always);
    }
  });

  it('computes all heads of a layer or none where they write together', () => {
    const together = { ...model, spec: { ...model.spec, headsWriteTogether: true } };
    const { choice } = open({ model: together, always: 'denoising' });
    const heads = (mask: Mask) =>
      [...choice.choose(mask, PATCH, BATCH)!.writes].flatMap(([site, rows]) =>
        site.endsWith('attn') ? [rows.length] : [],
      );
    const edgesOf = (...names: string[]) =>
      maskFromEdges(
        graph,
        names.flatMap((name) => edgesByName(graph, name)),
        { inside: 0, outside: 1 },
      );
    expect(heads(edgesOf('Resid Start->A1.2.V', 'A1.2->Resid End'))).toEqual([0, 4, 0]);
    expect(heads(edgesOf('Resid Start->A1.2.V', 'A1.3->Resid End'))).toEqual([0, 4, 0]); // what A1.3 writes changes with A1.2
    expect(heads(edgesOf('A1.2->Resid End'))).toEqual([0, 0, 0]);
  });
});

describe('the strategy for a mask', () => {
  it('is the dense program for masks by prompt, and where a run is too small for anything else', () => {
    const { choice, lines } = open();
    expect(choice.choose({ ...filledMask(graph, 0), perItem: true }, PATCH, BATCH)).toBeNull();
    expect(choice.choose(filledMask(graph, 0.5), PATCH, BATCH)).toBeNull();
    expect(lines).toEqual([expect.stringMatching(/^masks are run dense: /)]);
  });

  it('is reported once for each change, not for each batch', () => {
    const { choice, lines } = open({ always: 'noising' });
    for (let n = 0; n < 3; n++) choice.choose(patched(1), PATCH, BATCH);
    expect(lines).toHaveLength(1);
  });

  it('keeps what was selected for a mask as long as the mask', () => {
    const { choice } = open();
    const mask = patched(3);
    const first = choice.select('noising', [mask], PATCH, null);
    expect(choice.select('noising', [mask], PATCH, null)).toBe(first);
    expect(choice.select('noising', [patched(3)], PATCH, null)).not.toBe(first);
    expect(choice.select('noising', [mask], { kind: 'zero' }, null)).not.toBe(first);
    const pair = [mask, patched(4)];
    const both = choice.select('denoising', pair, PATCH, null);
    expect(choice.select('denoising', pair, PATCH, null)).toBe(both);
    expect(choice.select('denoising', [mask, patched(4)], PATCH, null)).not.toBe(both);
  });
});

describe('groups of masks', () => {
  it('are single masks where one run takes no more, or where they cannot be run from the circuit alone', () => {
    const masks = [1, 2, 3].map(kept);
    const single = [
      [0, 1],
      [1, 2],
      [2, 3],
    ];
    expect(open().choice.groups(masks, PATCH, BATCH, 1)).toEqual(single);
    expect(open({ always: 'noising' }).choice.groups(masks, PATCH, BATCH, 8)).toEqual(single);
    const byPrompt = masks.map((mask) => ({ ...mask, perItem: true }));
    expect(open().choice.groups(byPrompt, PATCH, BATCH, 8)).toEqual(single);
  });

  it('hold as many neighbours as one run takes, where that base is always taken', () => {
    const { choice, lines } = open({ always: 'denoising' });
    const groups = choice.groups([1, 2, 3, 4].map(kept), PATCH, BATCH, 3);
    expect(groups).toHaveLength(2);
    expect([groups[0]![0], groups[0]![1], groups[1]![1]]).toEqual([0, groups[1]![0], 4]);
    expect(groups.every(([start, stop]) => stop - start <= 3)).toBe(true);
    choice.groups([1, 2, 3, 4].map(kept), PATCH, BATCH, 3);
    expect(lines.filter((line) => line.startsWith('4 masks are run in groups of'))).toHaveLength(1);
  });
});
