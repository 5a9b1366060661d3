import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { floatTensor } from '../../tensor/tensor.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { filledMask } from '../exec/feeds.js';
import { INTERPOLATED_ALPHA, INTERPOLATED_BLOCK } from '../modes/interpolated.js';
import { START_INPUT } from '../programs/programs.js';
import { interpolatedBlockFeeds, interpolatedInputFeeds, maskOf } from './gradient-plan.js';

const graph = buildGraph(tinyTransformer().spec.layout);
const sites = (...numbers: number[]) => new Map([['start', floatTensor(Float32Array.from(numbers), [1, 1, 1, 2])]]);

describe('the mask of a gradient', () => {
  it('is none at 0 and at interpolated points, and filled by a number', () => {
    expect(maskOf(graph, undefined)).toBeNull();
    expect(maskOf(graph, { kind: 'mask', mask: 0 })).toBeNull();
    expect(maskOf(graph, { kind: 'input', alpha: 0.5 })).toBeNull();
    expect(maskOf(graph, { kind: 'mask', mask: 0.25 })).toEqual(filledMask(graph, 0.25));
    const zeros = filledMask(graph, 0);
    expect(maskOf(graph, { kind: 'mask', mask: zeros })).toBe(zeros); // a mask that was learned may well be 0
  });
});

describe('interpolated points', () => {
  it('start at patch + alpha · (current − patch), or alpha · current without a patch', () => {
    const start = (patch: ReturnType<typeof sites> | null) => [
      ...interpolatedInputFeeds(sites(4, 8), patch, 0.25)[START_INPUT]!.data,
    ];
    expect(start(sites(0, 4))).toEqual([1, 5]);
    expect(start(null)).toEqual([1, 2]);
  });

  it('name the block that is moved by its number', () => {
    const feeds = interpolatedBlockFeeds(graph, { kind: 'activations', site: 'L0.mlp', alpha: 0.5 });
    const block = graph.sourceBlocks.findIndex(({ site }) => site === 'L0.mlp');
    expect([...feeds[INTERPOLATED_BLOCK]!.data]).toEqual([block]);
    expect([...feeds[INTERPOLATED_ALPHA]!.data]).toEqual([0.5]);
    expect(() => interpolatedBlockFeeds(graph, { kind: 'activations', site: 'L9.mlp', alpha: 1 })).toThrow(
      expect.objectContaining({ code: 'unknown-name', fields: expect.objectContaining({ name: 'L9.mlp' }) }),
    );
  });
});
