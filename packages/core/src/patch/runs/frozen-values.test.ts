import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { edgeAt, edgesByName } from '../../graph/edges.js';
import { inputOf } from '../../prompts/prompts.js';
import { TINY, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';

const object = tinyTransformer();
const graph = buildGraph(object.spec.layout);
const batch = tinyPrompts(2);
const patch = { kind: 'resample', from: 'corrupt' } as const;
const FROZEN = ['attn.pattern', 'scale'];

type Rows = number[][]; // [pos, …]
const weight = (name: string): Float32Array => Float32Array.from(object.weights.read(name) as Float32Array);
/** [pos, from] · [from, to] */
function times(x: Rows, w: Float32Array, to: number): Rows {
  return x.map((row) => Array.from({ length: to }, (_, j) => row.reduce((sum, v, i) => sum + v * w[i * to + j]!, 0)));
}
const plus = (...parts: readonly Rows[]): Rows =>
  parts[0]!.map((row, p) => row.map((_, d) => parts.reduce((sum, part) => sum + part[p]![d]!, 0)));
const less = (a: Rows, b: Rows): Rows => a.map((row, p) => row.map((x, d) => x - b[p]![d]!));

/** What a run keeps: attention patterns by head, and scales of norms. */
interface Kept {
  readonly patterns: Rows[];
  readonly scales: number[][];
}
/** What one run has: what each source wrote, in order, what it keeps, and logits at the last position. */
interface HandRun {
  readonly written: readonly Rows[];
  readonly kept: Kept;
  readonly logits: number[];
}

/**
 * The tiny transformer by hand, two layers of two heads and an MLP each.
 * @param kept patterns and scales to take in place of its own
 * @param change added to what a destination reads, by `L0.h1.v`, `L0.mlp`, `end`
 */
function byHand(
  tokens: readonly number[],
  kept: Kept | null,
  change: (at: string, written: readonly Rows[]) => Rows | null,
): HandRun {
  const { dModel, dHead, dMlp, vocabulary } = TINY;
  const [embed, places] = [weight('embed'), weight('places')];
  const own: Kept = { patterns: [], scales: [] };
  const written: Rows[] = [
    tokens.map((token, p) =>
      Array.from({ length: dModel }, (_, d) => embed[token * dModel + d]! + places[p * dModel + d]!),
    ),
  ];
  let norms = 0;
  const read = (at: string, residual: Rows): Rows => {
    const more = change(at, written);
    return more ? plus(residual, more) : residual;
  };
  const norm = (x: Rows, name: string, counted: number): Rows => {
    const [w, b] = [weight(`${name}.w`), weight(`${name}.b`)];
    return x.map((row, p) => {
      const mean = row.reduce((sum, v) => sum + v, 0) / dModel;
      const square = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / dModel;
      const scale = kept ? kept.scales[counted]![p]! : 1 / Math.sqrt(square + 1e-5);
      own.scales[counted] ??= [];
      own.scales[counted][p] = scale;
      return row.map((v, d) => (v - mean) * scale * w[d]! + b[d]!);
    });
  };
  let residual = written[0]!;
  for (let l = 0; l < 2; l++) {
    const counted = norms++;
    const head = (h: number): Rows => {
      const input = (name: string): Rows => {
        const W = weight(`L${l}.attn.${name}.W`).subarray(h * dHead * dModel, (h + 1) * dHead * dModel); // [dHead, dModel]
        const b = weight(`L${l}.attn.${name}.b`);
        const x = norm(read(`L${l}.h${h}.${name}`, residual), `L${l}.ln1`, counted);
        return x.map((row) =>
          Array.from({ length: dHead }, (_, j) =>
            row.reduce((sum, v, d) => sum + v * W[j * dModel + d]!, b[h * dHead + j]!),
          ),
        );
      };
      const [q, k, v] = [input('q'), input('k'), input('v')];
      const pattern = q.map((row, i) => {
        const scores = k.map((key, j) =>
          j > i ? 0 : Math.exp(row.reduce((sum, x, d) => sum + x * key[d]!, 0) / Math.sqrt(dHead)),
        );
        const total = scores.reduce((a, b) => a + b, 0);
        return scores.map((x) => x / total);
      });
      const used = kept ? kept.patterns[2 * l + h]! : pattern;
      own.patterns[2 * l + h] = used;
      const z = used.map((row) =>
        Array.from({ length: dHead }, (_, d) => row.reduce((sum, p, j) => sum + p * v[j]![d]!, 0)),
      );
      return times(z, weight(`L${l}.attn.o`).subarray(h * dHead * dModel, (h + 1) * dHead * dModel), dModel);
    };
    const heads = [head(0), head(1)];
    written.push(...heads);
    residual = plus(residual, ...heads);
    const inner = times(norm(read(`L${l}.mlp`, residual), `L${l}.ln2`, norms++), weight(`L${l}.mlp.in`), dMlp);
    const out = times(
      inner.map((row) => row.map(Math.tanh)),
      weight(`L${l}.mlp.out`),
      dModel,
    );
    written.push(out);
    residual = plus(residual, out);
  }
  const last = read('end', residual).at(-1)!;
  const unembed = weight('unembed');
  const logits = Array.from({ length: vocabulary }, (_, t) =>
    last.reduce((sum, x, d) => sum + x * unembed[t * dModel + d]!, 0),
  );
  return { written, kept: own, logits };
}

/** Sources in the order that they are written, and where destinations read. */
const SOURCES = ['Resid Start', 'A0.0', 'A0.1', 'MLP 0', 'A1.0', 'A1.1', 'MLP 1'];
const EDGES: readonly (readonly [string, string])[] = [
  ['Resid Start->A0.1.V', 'L0.h1.v'],
  ['A0.0->A1.0.V', 'L1.h0.v'],
  ['A0.1->MLP 0', 'L0.mlp'],
  ['MLP 0->MLP 1', 'L1.mlp'],
  ['MLP 0->Resid End', 'end'],
];

describe('patched runs with frozen patterns and scales', () => {
  it('come to what one has by hand, edge by edge', async () => {
    const model = await createPatchableModel({
      model: object,
      graph,
      backend: interpreterBackend({ precision: 'float64' }),
    });
    for (const [name, at] of EDGES) {
      const mask = maskFromEdges(graph, edgesByName(graph, name), { inside: 1, outside: 0 });
      const frozen = await model.patchedRun(batch, { input: 'clean', patch, mask, frozen: FROZEN });
      const free = await model.patchedRun(batch, { input: 'clean', patch, mask });
      const source = SOURCES.indexOf(name.split('->')[0]!);
      for (const [i, prompt] of batch.prompts.entries()) {
        const plain = byHand(prompt.clean as number[], null, () => null);
        const other = byHand(prompt.corrupt as number[], null, () => null).written[source]!;
        const patched = (kept: Kept | null): HandRun =>
          byHand(prompt.clean as number[], kept, (where, written) =>
            where === at ? less(other, written[source]!) : null,
          );
        const row = (logits: Float32Array): number[] => [
          ...logits.subarray(i * TINY.vocabulary, (i + 1) * TINY.vocabulary),
        ];
        // programs take and give float32: a dozen roundings of logits up to 10
        for (const [t, x] of row(frozen.data).entries())
          expect(Math.abs(x - patched(plain.kept).logits[t]!), name).toBeLessThan(1e-5);
        for (const [t, x] of row(free.data).entries())
          expect(Math.abs(x - patched(null).logits[t]!), name).toBeLessThan(1e-5);
      }
    }
    await model.dispose();
  });

  it.each([
    ['grouped KV heads', tinyTransformer({ heads: 4, kvHeads: 2 })],
    ['one stacked projection', tinyTransformer({ stacked: true })],
    ['parallel', tinyTransformer({ parallel: true, norm: 'rmsNorm' })],
    ['experts', tinyTransformer({ experts: [0, 3] })],
  ] as const)('%s: edges into queries and keys do nothing, and without a patch all is as it was', async (_, varied) => {
    for (const positions of [null, 3]) {
      const own = buildGraph(varied.spec.layout, {
        factorized: true,
        splitQkv: true,
        positions,
        kvInputs: 'query-head',
      });
      const model = await createPatchableModel({
        model: varied,
        graph: own,
        backend: interpreterBackend({ precision: 'float64' }),
      });
      const run = async (edges: readonly number[]) => {
        const mask = maskFromEdges(own, edges, { inside: 1, outside: 0 });
        return (await model.patchedRun(batch, { input: 'clean', patch, mask, frozen: FROZEN })).data;
      };
      const plain = (await model.run(inputOf(batch, 'clean'))).data;
      const same = (got: Float32Array): void => {
        for (const [i, x] of got.entries()) expect(Math.abs(x - plain[i]!)).toBeLessThan(1e-5);
      };
      same(await run([]));
      const into = (inputs: readonly string[]): number[] =>
        Array.from({ length: own.edgeCount }, (_, edge) => edge).filter((edge) => {
          const name = edgeAt(own, edge).name;
          return inputs.some((input) => name.split('@')[0]!.endsWith(`.${input}`));
        });
      same(await run(into(['Q', 'K'])));
      const moved = (await run(into(['V']))).some((x, i) => Math.abs(x - plain[i]!) > 1e-2);
      expect(moved).toBe(true);
      await model.dispose();
    }
  });

  it('are refused for a role that the model does not have', async () => {
    const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
    const mask = maskFromEdges(graph, [], { inside: 1, outside: 0 });
    await expect(
      model.patchedRun(batch, { input: 'clean', patch, mask, frozen: ['attn.patern'] }),
    ).rejects.toMatchObject({ code: 'unknown-name', fields: { name: 'attn.patern', nearest: ['attn.pattern'] } });
    await model.dispose();
  });
});
