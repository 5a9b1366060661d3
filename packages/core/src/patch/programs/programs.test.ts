import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { scorePlace } from '../../graph/score-index.js';
import type { GraphOptions } from '../../graph/types.js';
import { patchedLogits } from '../../testing/patched-logits.js';
import { TINY, type TinyShape, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { filledMask, inputFeeds, maskFeeds, objectiveFeeds } from '../exec/feeds.js';
import { makeProgram } from '../make-program.js';
import type { GradientSpec, ProgramSpec } from './program-spec.js';
import { INPUT, LOGITS, LOSSES, PATCH_INPUT, scoreOutputName } from './programs.js';

const BATCH = tinyPrompts(2);
const OBJECTIVE = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;

function open(shape: Partial<TinyShape> = {}, options: Partial<GraphOptions> = {}) {
  const model = tinyTransformer(shape);
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
  const feeds = (mask = filledMask(graph, 0)) => ({
    ...inputFeeds(INPUT, model.spec, BATCH, 'clean', [0, 2]),
    ...inputFeeds(PATCH_INPUT, model.spec, BATCH, 'corrupt', [0, 2]),
    ...Object.fromEntries(maskFeeds(graph, mask, 2, [0, 2])),
    ...Object.fromEntries(objectiveFeeds(model.spec, OBJECTIVE, BATCH, [0, 2])),
  });
  const run = (spec: ProgramSpec, mask = filledMask(graph, 0), simplified = true) => {
    const program = makeProgram(spec, { model, graph, simplified });
    const read = new Set(program.values.flatMap(({ op, attributes }) => (op === 'input' ? [attributes.name] : [])));
    const own = Object.fromEntries(Object.entries(feeds(mask)).filter(([name]) => read.has(name)));
    return interpret(program, own, model.weights, { precision: 'float64' });
  };
  return { model, graph, run };
}

const gradient = (forward: 'atZero' | 'patched'): GradientSpec => {
  const shared = { kind: 'gradient', objective: { kind: 'answers', tokenFunction: 'logit' }, losses: true } as const;
  const rest = { ...shared, backward: [], supply: 'fused', neurons: false } as const;
  return forward === 'patched' ? { ...rest, forward, perItem: false } : { ...rest, forward };
};

const SHAPES: Readonly<Record<string, readonly [Partial<TinyShape>, Partial<GraphOptions>]>> = {
  'layer norms': [{}, {}],
  'RMS norms, grouped KV heads': [{ norm: 'rmsNorm', kvHeads: 1 }, {}],
  'no norms, in parallel': [{ norm: null, parallel: true }, {}],
  'joint destinations': [{}, { splitQkv: false }],
  'token positions': [{ layers: 1 }, { positions: 3 }],
};

describe.each(Object.entries(SHAPES))('scores of edges: %s', (_, [shape, options]) => {
  const { model, graph, run } = open(shape, options);
  /** M of each prompt where an edge is patched so far, and the others by `base`: by the reference mode. */
  const losses = (edge: number, value: number, base: number): number[] => {
    const mask = maskFromEdges(graph, [edge], { inside: value, outside: base });
    const logits = patchedLogits({ model, graph, batch: BATCH, mask });
    return BATCH.prompts.map((_prompt, p) => logits[p * TINY.vocabulary + 2]! - logits[p * TINY.vocabulary + 1]!);
  };
  /** A step of 1e-3 in float64: curvature of its square, rounding of float32 feeds far below. */
  const STEP = 1e-3;

  it.each([
    ['atZero', 0],
    ['patched', 0.5],
  ] as const)('are the slopes of the reference, %s', (forward, base) => {
    const results = run(gradient(forward), filledMask(graph, base));
    const some = Array.from({ length: 12 }, (_unused, i) => Math.floor((i * graph.edgeCount) / 12));
    for (const edge of new Set([...some, graph.edgeCount - 1])) {
      const [up, down] = [losses(edge, base + STEP, base), losses(edge, base - STEP, base)];
      const { module, offset } = scorePlace(graph, edge);
      const { data, shape: of } = results[scoreOutputName(module)]!;
      for (const prompt of [0, 1]) {
        const slope = (up[prompt]! - down[prompt]!) / (2 * STEP);
        const score = data[(prompt * data.length) / of[0]! + offset]!;
        expect(Math.abs(Number(score) - slope), `edge ${edge}`).toBeLessThan(1e-4 * Math.max(1, Math.abs(slope)));
      }
    }
  });

  it('are the same from the program as it was built', () => {
    const mask = filledMask(graph, 0.5);
    const [short, long] = [run(gradient('patched'), mask), run(gradient('patched'), mask, false)];
    expect(Object.keys(short).sort()).toEqual(Object.keys(long).sort());
    for (const [name, { data }] of Object.entries(short)) {
      for (let i = 0; i < data.length; i++)
        expect(Math.abs(Number(data[i]) - Number(long[name]!.data[i]))).toBeLessThan(1e-9);
    }
  });
});

describe('outputs of programs', () => {
  it('of a gradient are losses only where they are asked for', () => {
    const { run } = open({ layers: 1 });
    expect(run(gradient('atZero'))[LOSSES]!.shape).toEqual([2]);
    expect(run({ ...gradient('atZero'), losses: false })[LOSSES]).toBeUndefined();
  });

  it('of a plain run are those of the positions that are read', () => {
    const { run } = open({ layers: 1 });
    const shapeOf = (positions: 'last' | 'all' | 'not-first') => run({ kind: 'plain', positions })[LOGITS]!.shape;
    expect([shapeOf('last'), shapeOf('all'), shapeOf('not-first')]).toEqual([
      [2, TINY.vocabulary],
      [2, 3, TINY.vocabulary],
      [2, 2, TINY.vocabulary],
    ]);
  });
});
