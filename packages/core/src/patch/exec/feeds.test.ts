import { describe, expect, it } from 'vitest';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { flattenScores } from '../../graph/score-index.js';
import type { Mask } from '../../graph/types.js';
import { OBJECTIVE_INPUTS } from '../../objectives/fragment.js';
import { floatTensor, intTensor } from '../../tensor/tensor.js';
import { TINY, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { maskInputName } from '../modes/patched.js';
import { filledMask, inputFeeds, maskFeeds, objectiveFeeds, prefixFeeds, promptFeed, withPatched } from './feeds.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const batch = tinyPrompts(3);

describe('prompts', () => {
  it('are fed as the tokens of one side, for the prompts of a cut', () => {
    const tokens = batch.prompts.slice(1, 3).flatMap((prompt) => prompt.corrupt as number[]);
    expect(promptFeed(model.spec, batch, 'corrupt', [1, 3])).toEqual(intTensor(Int32Array.from(tokens), [2, 3]));
    expect(Object.keys(inputFeeds('in', model.spec, batch, 'clean', [0, 1]))).toEqual(['in']);
  });

  it('must have the length of their batch', () => {
    const [first, ...others] = batch.prompts;
    const short = { ...batch, prompts: [{ ...first!, clean: [1, 2] }, ...others] };
    expect(() => promptFeed(model.spec, short, 'clean', [0, 1])).toThrow(
      expect.objectContaining({ code: 'mixed-lengths', fields: { lengths: [3, 2], prompt: 0 } }),
    );
  });

  it('bring the keys and values of their prefixes along, side by side in every group', () => {
    const prefixed = batch.prompts.slice(0, 2).map((prompt, i) => {
      const data = Float32Array.from([1, 2, 3, 4], (x) => 10 * i + x);
      return { ...prompt, prefix: { tokens: [7, 8], kept: { k: floatTensor(data, [2, 1, 1, 2, 1]) } } };
    });
    const { k } = prefixFeeds(prefixed);
    expect(k!.shape).toEqual([2, 1, 2, 2, 1]);
    expect([...k!.data]).toEqual([1, 2, 11, 12, 3, 4, 13, 14]);
    const other = { ...prefixed[1]!, prefix: { tokens: [7], kept: prefixed[1]!.prefix.kept } };
    expect(() => prefixFeeds([prefixed[0]!, other])).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('masks', () => {
  it('are filled with one number, or get edges patched wholly in a copy', () => {
    const half = filledMask(graph, 0.5);
    const more = withPatched(graph, half, [0, 7]);
    const flat = (mask: Mask) => [...flattenScores(graph, mask.tensors)];
    expect(new Set(flat(half))).toEqual(new Set([0.5]));
    expect(
      flat(more)
        .map((x, edge) => (x === 1 ? edge : -1))
        .filter((edge) => edge >= 0),
    ).toEqual([0, 7]);
  });

  it('get edges patched for every prompt where each has a mask of its own', () => {
    const tensors = Object.fromEntries(
      graph.destinationBlocks.map(({ module }) => {
        const { shape, data } = filledMask(graph, 0).tensors[module]!;
        return [module, floatTensor(Float32Array.from([...data, ...data]), [2, ...shape])];
      }),
    );
    const { tensors: patched } = withPatched(graph, { perItem: true, tensors }, [3]);
    const ones = Object.values(patched).flatMap(({ data, shape }) => {
      const slab = data.length / shape[0]!;
      return [...data].flatMap((x, i) => (x === 1 ? [Math.floor(i / slab)] : []));
    });
    expect(ones).toEqual([0, 1]);
  });

  it.each([null, 3])('are fed by site, every row of its blocks, positions %s', (positions) => {
    const own = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
    const numbered = filledMask(own, 0);
    let next = 1;
    for (const { data } of Object.values(numbered.tensors)) for (let i = 0; i < data.length; i++) data[i] = next++;
    const feeds = new Map(maskFeeds(own, numbered, 3, [1, 3]));
    const [q, k, v] = own.destinationBlocks.filter(({ site }) => site === 'L0.attn');
    const fed = feeds.get(maskInputName('L0.attn'))!;
    const leading = positions === null ? [] : [1, positions];
    expect(fed.shape).toEqual([...leading, 6, 1]); // Q, K and V of two heads, one source
    const last = positions === null ? 0 : positions - 1; // a position has the rows of all blocks together
    const rows = [q!, k!, v!].flatMap(({ module }) => [
      ...numbered.tensors[module]!.data.slice(2 * last, 2 * last + 2),
    ]);
    expect([...fed.data.slice(6 * last)]).toEqual(rows);
  });

  it('of a batch are cut like its prompts', () => {
    const tensors = Object.fromEntries(
      graph.destinationBlocks.map((block) => {
        const { shape, data } = filledMask(graph, 0).tensors[block.module]!;
        const items = [0, 1, 2].flatMap((item) => new Array<number>(data.length).fill(item));
        return [block.module, floatTensor(Float32Array.from(items), [3, ...shape])];
      }),
    );
    for (const [, tensor] of maskFeeds(graph, { perItem: true, tensors }, 3, [1, 3])) {
      expect(tensor.shape[0]).toBe(2);
      expect([...new Set(tensor.data as Float32Array)]).toEqual([1, 2]);
    }
  });

  it('must fit the graph and the batch', () => {
    const mask = maskFromEdges(graph, [], { inside: 1, outside: 0 });
    const { module } = graph.destinationBlocks[0]!;
    const { [module]: _left, ...others } = mask.tensors;
    expect(() => maskFeeds(graph, { perItem: false, tensors: others }, 3, [0, 3])).toThrow(
      expect.objectContaining({ code: 'wrong-mask', fields: expect.objectContaining({ module, shape: null }) }),
    );
    expect(() => maskFeeds(graph, { perItem: true, tensors: mask.tensors }, 3, [0, 3])).toThrow(
      expect.objectContaining({ code: 'wrong-mask' }),
    );
  });
});

describe('objectives', () => {
  it('of answers weigh each answer alike, and wrong ones against them', () => {
    const prompts = [{ ...batch.prompts[0]!, answers: [1, 3], wrongAnswers: [2] }, batch.prompts[1]!];
    const feeds = (value: 'diff' | 'value') =>
      Object.fromEntries(
        objectiveFeeds(model.spec, { kind: 'answers', tokenFunction: 'logit', value }, { length: 3, prompts }, [0, 2]),
      );
    expect(feeds('diff')[OBJECTIVE_INPUTS.tokens]).toEqual(intTensor(Int32Array.of(1, 3, 2, 1, 2, 0), [2, 3]));
    expect([...feeds('diff')[OBJECTIVE_INPUTS.weights]!.data]).toEqual([0.5, 0.5, -1, 1, -1, 0]);
    expect([...feeds('value')[OBJECTIVE_INPUTS.weights]!.data]).toEqual([0.5, 0.5, 1, 0]);
  });

  it('with a row for each prompt are cut like the prompts', () => {
    const width = TINY.vocabulary;
    const rows = floatTensor(
      Float32Array.from({ length: 3 * width }, (_, i) => Math.floor(i / width)),
      [3, width],
    );
    const [[name, fed]] = objectiveFeeds(model.spec, { kind: 'kl' }, batch, [1, 3], rows) as [[string, typeof rows]];
    expect(name).toBe(OBJECTIVE_INPUTS.dense);
    expect([...new Set(fed.data)]).toEqual([1, 2]);
    expect(() => objectiveFeeds(model.spec, { kind: 'kl' }, batch, [1, 3])).toThrow(
      expect.objectContaining({ code: 'wrong-shape', fields: { shape: null, expectedShape: [3, width] } }),
    );
  });
});
