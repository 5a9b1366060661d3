import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { scorePlace } from '../../graph/score-index.js';
import type { Graph, GraphOptions } from '../../graph/types.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { ModelObject } from '../../model/model.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import { graphOf, largestDifference, patchedLogits } from '../../testing/patched-logits.js';
import { TINY, type TinyShape, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { inputFeeds } from '../exec/feeds.js';
import { INPUT, LOGITS, PATCH_INPUT, readOut, scopeOf } from '../programs/programs.js';
import { ActivationDifferences, contractScores, type DifferenceBlock } from './activation-differences.js';
import { activationsOf, capturePoints } from './plain.js';
import type { BlockGroup, SourceActivations } from './points.js';
import { type ReadingOptions, readingPoints } from './reading.js';

const BATCH = tinyPrompts(2, 3);
interface Read {
  readonly group: BlockGroup;
  readonly value: AnyValue;
  readonly isBeforeScale: boolean;
  readonly upstream: readonly DifferenceBlock[];
}

/** A reading run of the clean prompts: logits, what was read, and ∂(logit 1 − logit 2)/∂mask at mask 0 from plain reads. */
function read(model: ModelObject, graph: Graph, options: ReadingOptions = {}) {
  const b = new ProgramBuilder('reading');
  const setting = { model, graph };
  const other: SourceActivations[] = [];
  model.trace(capturePoints(scopeOf(setting, b, PATCH_INPUT), (source) => other.push(source)));
  const differences = new ActivationDifferences(b);
  const reads: Read[] = [];
  const points = readingPoints(
    scopeOf(setting, b),
    (source) => differences.add(source, activationsOf(other, source.block).value),
    (group, value, norm) => {
      const { start, stop } = group[0]!.sources;
      reads.push({ group, value, isBeforeScale: norm !== null, upstream: differences.covering(start, stop) });
      return value;
    },
    options,
  );
  const logits = readOut(setting, points); // [batch, outputs]
  b.output(LOGITS, logits);
  const plain = reads.filter(({ isBeforeScale }) => !isBeforeScale);
  const loss = b.sum(b.sub(b.slice(logits, 1, 1, 2), b.slice(logits, 1, 2, 3)), [0, 1]);
  const gradients = gradient(
    b,
    loss,
    plain.map(({ value }) => value),
  );
  for (const [i, { group, upstream }] of plain.entries()) {
    const scores = contractScores(b, graph.options.positions !== null, gradients[i]!, upstream);
    for (const { module } of group.length === 1 ? group : []) b.output(module, scores); // [batch, pos?, rows, sources]
  }
  const feeds = {
    ...inputFeeds(INPUT, model.spec, BATCH, 'clean', [0, 2]),
    ...inputFeeds(PATCH_INPUT, model.spec, BATCH, 'corrupt', [0, 2]),
  };
  return { reads, results: interpret(b.build(), feeds, model.weights) };
}

const MODELS: Readonly<Record<string, Partial<TinyShape>>> = {
  serial: {},
  'grouped KV heads': { heads: 4, kvHeads: 2, norm: 'rmsNorm' },
  'attention and MLP in parallel': { parallel: true, norm: null },
};
const GRAPHS: Readonly<Record<string, Partial<GraphOptions>>> = {
  split: {},
  joint: { splitQkv: false },
  'KV-head inputs': { kvInputs: 'kv-head' },
  positions: { positions: 3 },
};
/** A step of 2⁻¹³ in the mask, exact in float32, errs by its square times the curvature. */
const STEP = 2 ** -13;
const TOLERANCE = 1e-6;

describe('gradients at what is read, times the differences, are the derivatives by the mask at 0', () => {
  const cases = Object.entries(MODELS).flatMap(([model, shape]) =>
    Object.entries(GRAPHS).map(([graph, options]) => ({ title: `${model}, ${graph}`, shape, options })),
  );
  it.each(cases)('$title', ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const { results } = read(model, graph);
    const random = seededRandom(9, 'reading');
    for (let n = 0; n < 8; n++) {
      const edge = random.below(graph.edgeCount);
      const at = (inside: number): number[] => {
        const mask = maskFromEdges(graph, [edge], { inside, outside: 0 });
        const logits = patchedLogits({ model, graph, batch: BATCH, mask });
        return [0, 1].map((i) => logits[i * TINY.vocabulary + 1]! - logits[i * TINY.vocabulary + 2]!);
      };
      const [up, down] = [at(STEP), at(-STEP)];
      const { module, offset } = scorePlace(graph, edge);
      const { data } = results[module]!; // [batch, pos?, rows, sources]
      const scores = [0, 1].map((i) => data[(i * data.length) / 2 + offset]!);
      expect(
        largestDifference(
          scores,
          up.map((x, i) => (x - down[i]!) / (2 * STEP)),
        ),
        `edge ${edge}`,
      ).toBeLessThan(TOLERANCE);
    }
  });
});

describe('the reading mode', () => {
  it.each([{}, { stacked: true }, { norm: null }])(
    'computes the model, whichever side of the norm is read: %o',
    (shape) => {
      const model = tinyTransformer(shape);
      const graph = graphOf(model);
      const mask = maskFromEdges(graph, [], { inside: 0, outside: 0 });
      const expected = patchedLogits({ model, graph, batch: BATCH, mask });
      for (const beforeScale of [false, true]) {
        const { results } = read(model, graph, { beforeScale });
        expect(largestDifference(results[LOGITS]!.data, expected)).toBeLessThan(1e-12);
      }
    },
  );
  it('reads groups of several rows before the scale of their norm, where asked to', () => {
    const sides = (shape: Partial<TinyShape>, beforeScale: boolean): string[] => {
      const model = tinyTransformer({ layers: 1, ...shape });
      return read(model, graphOf(model), { beforeScale }).reads.map(
        ({ group, isBeforeScale }) =>
          `${group.map(({ input }) => input).join('')} ${isBeforeScale ? 'before' : 'plain'}`,
      );
    };
    expect(sides({}, false)).toEqual(['q plain', 'k plain', 'v plain', 'mlp plain', 'end plain']);
    expect(sides({}, true)).toEqual(['q before', 'k before', 'v before', 'mlp plain', 'end plain']);
    expect(sides({ stacked: true }, true)).toEqual(['qkv before', 'mlp plain', 'end plain']);
    expect(sides({ norm: null }, true)).toEqual(['q plain', 'k plain', 'v plain', 'mlp plain', 'end plain']);
  });
  it('starts from what it is told to', () => {
    const model = tinyTransformer();
    const graph = graphOf(model);
    const startOf = ({ value }: SourceActivations): AnyValue => value;
    const own = read(model, graph, { startOf }).results[LOGITS]!.data;
    expect(largestDifference(own, read(model, graph).results[LOGITS]!.data)).toBe(0);
    const b = new ProgramBuilder('start');
    const end = model.trace(
      readingPoints(
        scopeOf({ model, graph }, b),
        () => undefined,
        (_group, value) => value,
        { startOf: ({ value }) => b.mul(value, 0) },
      ),
    );
    b.output('end', end);
    const feeds = inputFeeds(INPUT, model.spec, BATCH, 'clean', [0, 2]);
    const { data } = interpret(b.build(), feeds, model.weights).end!;
    const rows = [0, 1, 2].map((pos) => [...data.slice(pos * TINY.dModel, (pos + 1) * TINY.dModel)]);
    expect(largestDifference(rows[1]!, rows[0]!)).toBeLessThan(1e-14); // nothing tells tokens apart any more
  });
});
