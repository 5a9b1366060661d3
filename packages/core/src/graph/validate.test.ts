import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { SMALL_LAYOUT } from '../testing/graphs.js';
import { DEFAULT_GRAPH_OPTIONS } from './build.js';
import type { GraphLayout, GraphOptions, StagedLayout, TransformerLayout } from './types.js';
import { checkGraph, effectiveOptions } from './validate.js';

const LAYOUT: TransformerLayout = { ...SMALL_LAYOUT, heads: 4, kvHeads: 2 };
const STAGED: StagedLayout = { kind: 'staged', layers: 2, heads: 2, dModel: 2 };
const check = (layout: Partial<TransformerLayout>, options: Partial<GraphOptions> = {}) =>
  checkGraph({ ...LAYOUT, ...layout }, { ...DEFAULT_GRAPH_OPTIONS, ...options });
const effective = (layout: GraphLayout, options: Partial<GraphOptions>) =>
  effectiveOptions(layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });

describe('checkGraph', () => {
  it('takes every graph that a grouped model has', () => {
    for (const options of [
      {},
      { splitQkv: false },
      { kvInputs: 'kv-head' },
      { factorized: false },
      { positions: 3 },
    ] as const) {
      expect(() => check({}, options)).not.toThrow();
    }
    expect(() => check({ mlp: false })).not.toThrow();
    expect(() => check({ parallel: true })).not.toThrow();
  });

  it.each([
    ['parallel residual', { parallel: true }, { factorized: false }, 'unsupported-graph', {}],
    ['parallel without MLP', { parallel: true, mlp: false }, {}, 'invalid-layout', {}],
    ['uneven groups', { kvHeads: 3 }, {}, 'invalid-layout', { heads: 4, kvHeads: 3 }],
    ['joint QKV by KV head', {}, { splitQkv: false, kvInputs: 'kv-head' }, 'unsupported-graph', {}],
    ['no layers', { layers: 0 }, {}, 'invalid-layout', { option: 'the number of layers', got: 0 }],
    ['no positions', {}, { positions: 0 }, 'invalid-option', { option: 'the number of token positions', got: 0 }],
  ] as const)('refuses %s', (_, layout, options, code, fields) => {
    expect(errorOf(() => check(layout, options))).toMatchObject({ code, fields });
  });

  it('refuses KV-head inputs where there are no K and V inputs, and says why', () => {
    const byKvHead = { ...DEFAULT_GRAPH_OPTIONS, kvInputs: 'kv-head' } as const;
    expect(errorOf(() => checkGraph(STAGED, byKvHead))).toMatchObject({
      code: 'unsupported-graph',
      fields: { reason: 'this model has no K and V inputs' },
    });
    expect(errorOf(() => checkGraph(LAYOUT, { ...byKvHead, factorized: false }))).toMatchObject({
      code: 'unsupported-graph',
      fields: { reason: 'the residual graph has no K and V inputs' },
    });
  });

  it.each([
    [{ 'L2.mlp': [1] }, {}, 'invalid-layout'],
    [{ 'L0.mlp': [1, 1] }, {}, 'invalid-layout'],
    [{ 'L0.mlp': [] }, {}, 'invalid-layout'],
    [{ 'L0.mlp': [-1] }, {}, 'invalid-layout'],
    [{ 'L0.attn': [1] }, {}, 'invalid-layout'],
    [{ 'L0.post': [1] }, {}, 'unsupported-graph'], // a node of the residual graph only
    [{ 'L1.post': [1] }, { factorized: false }, 'invalid-layout'], // the last one is the end
  ])('refuses latents %j of a graph with %j', (latents, options, code) => {
    const [site] = Object.keys(latents);
    expect(errorOf(() => check({ latents }, options))).toMatchObject({ code, fields: { site } });
  });

  it.each([
    [{ experts: [2] }, 'invalid-layout'],
    [{ experts: [2, -1] }, 'invalid-layout'],
    [{ experts: [2, 1.5] }, 'invalid-layout'],
    [{ experts: [2, 2], mlp: false }, 'invalid-layout'],
    [{ experts: [2, 0], latents: { 'L0.mlp': [1] } }, 'unsupported-graph'],
  ])('refuses experts that make no graph: %j', (layout, code) => {
    expect(errorOf(() => check(layout))).toMatchObject({ code });
  });

  it('says of latents what may stand there', () => {
    expect(() => check({ latents: { 'L2.mlp': [1] } })).toThrow(
      /latents at L2.mlp cannot be sources: expected L0 to L1, .mlp, .mid or/,
    );
    expect(() => check({ latents: { 'L0.mlp': [1, 1] } })).toThrow(
      /at least one, each once, as whole numbers, got 1, 1/,
    );
    expect(() => check({ mlp: false, latents: { 'L0.mlp': [1] } })).toThrow(/but there are no MLPs/);
  });
});

describe('effectiveOptions', () => {
  it('brings what says nothing about a graph to its plain value', () => {
    expect(effective(LAYOUT, { factorized: false }).splitQkv).toBe(false);
    expect(effective(STAGED, {}).splitQkv).toBe(false);
    expect(effective({ ...LAYOUT, kvHeads: 4 }, { kvInputs: 'kv-head' }).kvInputs).toBe('query-head');
    expect(effective(STAGED, { kvInputs: 'kv-head' }).kvInputs).toBe('query-head');
  });

  it('keeps what does', () => {
    const options = { factorized: true, splitQkv: true, positions: 5, kvInputs: 'kv-head' } as const;
    expect(effective(LAYOUT, options)).toEqual(options);
    expect(effective(LAYOUT, { splitQkv: false }).splitQkv).toBe(false);
  });
});
