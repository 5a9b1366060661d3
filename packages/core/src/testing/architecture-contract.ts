/**
 * @file What every architecture's trace must keep to: the residual at every point is `Resid Start` + Σ sources + biases, patching
 * everything gives the other run, and mask gradients are derivatives. Runs on the interpreter in float64, so keep the model small.
 *
 * @example
 * runContract('my-family', architectureContract(myModel({ layers: 2, … })), { describe, it });
 */

import { interpret, interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS, optionsFor } from '../graph/build.js';
import { maskFromEdges } from '../graph/circuit.js';
import { edgeAt } from '../graph/edges.js';
import { scorePlace } from '../graph/score-index.js';
import type { Graph, GraphOptions } from '../graph/types.js';
import { printProgram } from '../ir/program/print.js';
import type { ModelObject } from '../model/model.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { createPatchableModel } from '../patch/engine.js';
import { promptFeed } from '../patch/exec/feeds.js';
import { INPUT, plainProgram } from '../patch/programs/programs.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';
import { pointsProgram } from '../validation/points-program.js';
import { type ContractCheck, require } from './contract.js';
import { sparseRunsEqualDense } from './sparse-runs-check.js';

const LENGTH = 4;
/** Activations pass between the two passes as float32: 6e-8 of their size, times the few dozen they are summed over. */
const FLOAT32_TOLERANCE = 1e-4;
/**
 * A step h in the mask. Central differences D err by h² (curvature), (4·D(h/2) − D(h))/3 by h⁴ (Richardson's extrapolation), and by
 * (4 · 2 + 1)/3h = 3/h of float32 roundings: 2e-5 of the numbers that a few dozen of them are summed to, so some 5e-4 at most.
 */
const STEP = 1e-2;
const STEP_TOLERANCE = 1e-3;

/**
 * Every check of an architecture, on one of its models: the trace is the same twice and finds its weights; norms, softmaxes
 * and activations have roles; in every graph that the model has, what a module reads is the sum of what sources wrote, mask
 * 0 and mask 1 give the two runs, mask gradients are derivatives, and all strategies to run masks agree.
 * @param model small, with seeded weights: everything runs on the interpreter
 */
export function architectureContract(model: ModelObject): ContractCheck[] {
  const checks: ContractCheck[] = [
    { name: 'traces the same program twice', run: async () => sameTwice(model) },
    { name: 'has weights for every name the trace asks for', run: async () => weightsThere(model) },
    {
      name: 'gives norms, softmaxes and smooth activations roles, which RelP and GIM go by',
      run: async () => named(model),
    },
  ];
  for (const [name, options] of variantsOf(model)) {
    checks.push(
      {
        name: `residual = Resid Start + sources + biases at every point (${name})`,
        run: async () => sumsUp(model, options),
      },
      { name: `patches nothing at mask 0 and everything at mask 1 (${name})`, run: () => ends(model, options) },
      { name: `mask gradients are derivatives (${name})`, run: () => derivatives(model, options) },
      {
        name: `runs what a mask asks for as the dense program does (${name})`,
        run: () => sparseRunsEqualDense(model, options, promptsOf(model)),
      },
    );
  }
  return checks;
}

const anyGraph = ({ spec: { layout } }: ModelObject): Graph => buildGraph(layout, optionsFor(layout));

/** The graphs that make sense for the model. */
function variantsOf({ spec: { layout } }: ModelObject): (readonly [string, GraphOptions])[] {
  const variants: (readonly [string, GraphOptions])[] = [
    ['split', DEFAULT_GRAPH_OPTIONS],
    ['joint', { ...DEFAULT_GRAPH_OPTIONS, splitQkv: false }],
    ['positions', { ...DEFAULT_GRAPH_OPTIONS, positions: LENGTH }],
  ];
  const transformer = layout.kind === 'transformer';
  const residual = ['residual', { ...DEFAULT_GRAPH_OPTIONS, factorized: false }] as const;
  // latents of the stream are nodes of that graph only
  if (!optionsFor(layout).factorized) return [residual];
  if (!transformer || !layout.parallel) variants.push(residual);
  if (transformer && layout.kvHeads < layout.heads)
    variants.push(['KV heads', { ...DEFAULT_GRAPH_OPTIONS, kvInputs: 'kv-head' }]);
  return variants;
}

function promptsOf(model: ModelObject): PromptBatch {
  const random = seededRandom(7, 'architecture-contract');
  const { dtype, features } = model.spec.input;
  const position = (): number | number[] =>
    dtype === 'int'
      ? random.below(model.spec.outputSize)
      : Array.from({ length: features[0] ?? 1 }, () => random.normal());
  const side = (): Prompt['clean'] => Array.from({ length: LENGTH }, position) as Prompt['clean'];
  return {
    length: LENGTH,
    prompts: [0, 1].map((index) => ({ index, clean: side(), corrupt: side(), answers: [0], wrongAnswers: [1] })),
  };
}

const open = (model: ModelObject, graph: Graph): Promise<PatchableModel> =>
  createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float64' }) });

function sameTwice(model: ModelObject): void {
  const graph = anyGraph(model);
  const [a, b] = [0, 1].map(() => printProgram(plainProgram({ model, graph }, 'all')));
  require(a === b, 'two traces of the model differ');
}

function weightsThere(model: ModelObject): void {
  const program = plainProgram({ model, graph: anyGraph(model), simplified: false }, 'all');
  const known = new Set(model.weights.names);
  for (const value of program.values) {
    if (value.op !== 'weight') continue;
    const { name } = value.attributes;
    require(known.has(name), `the trace reads weight "${name}", which the model does not have`);
    const { shape } = model.weights.entry(name);
    require(shape.join() ===
      value.shape.join(), `weight "${name}" has another shape than the trace says`, `[${value.shape}]`, `[${shape}]`);
  }
}

/** Of each of these ops, what uses it or it itself has a role: `L0.ln1.scale`, `L0.attn.pattern`, `L0.mlp.slope`, … */
const NAMED_OPS: ReadonlySet<string> = new Set(['softmax', 'rsqrt', 'sigmoid', 'erf']);

function named(model: ModelObject): void {
  const { values } = plainProgram({ model, graph: anyGraph(model), simplified: false }, 'all');
  for (const { id, op, role } of values) {
    if (!NAMED_OPS.has(op) || role !== undefined) continue;
    const used = values.some((value) => value.role !== undefined && value.inputs.includes(id));
    require(used, `a ${op} of the trace has no role`, 'L0.ln1.scale, L0.attn.pattern, L0.mlp.slope or the like', 'none');
  }
}

/** At each point: what is read, less what upstream sources wrote, is what is read when no source writes. */
function sumsUp(model: ModelObject, options: GraphOptions): void {
  const graph = buildGraph(model.spec.layout, options);
  const batch = promptsOf(model);
  const feeds = { [INPUT]: promptFeed(model.spec, batch, 'clean', [0, batch.prompts.length]) };
  const run = (silent: boolean) =>
    interpret(pointsProgram(model, graph, silent), feeds, model.weights, { precision: 'float64' });
  const [full, biases] = [run(false), run(true)];
  for (const block of graph.destinationBlocks) {
    const read = full[`read:${block.module}`] as Tensor<FloatArray>; // [batch, pos, dModel]
    const rest = biases[`read:${block.module}`] as Tensor<FloatArray>;
    const expected = Float64Array.from(rest.data);
    for (const source of graph.sourceBlocks) {
      if (source.start < block.sources.start || source.stop > block.sources.stop) continue;
      const { data } = full[`source:${source.site}`] as Tensor<FloatArray>; // [rows, batch, pos, dModel]
      data.forEach((x, i) => {
        expected[i % expected.length]! += x;
      });
    }
    const error = largestDifference(read.data, expected);
    require(error <
      1e-9, `what "${block.module}" reads is not the sum of its sources and biases`, 'an error below 1e-9', `${error}`);
  }
}

async function ends(model: ModelObject, options: GraphOptions): Promise<void> {
  const graph = buildGraph(model.spec.layout, options);
  const batch = promptsOf(model);
  const patchable = await open(model, graph);
  const side = (name: 'clean' | 'corrupt') =>
    patchable.run(promptFeed(model.spec, batch, name, [0, batch.prompts.length]));
  const patched = (outside: number) =>
    patchable.patchedRun(batch, {
      input: 'clean',
      patch: { kind: 'resample', from: 'corrupt' },
      mask: maskFromEdges(graph, [], { inside: 0, outside }),
    });
  for (const [mask, name] of [
    [0, 'clean'],
    [1, 'corrupt'],
  ] as const) {
    const expected = await side(name);
    const error =
      largestDifference((await patched(mask)).data, expected.data) / (1 + Math.max(...expected.data.map(Math.abs)));
    require(error <
      FLOAT32_TOLERANCE, `mask ${mask} does not give the ${name} run`, `an error below ${FLOAT32_TOLERANCE}`, `${error}`);
  }
  await patchable.dispose();
}

async function derivatives(model: ModelObject, options: GraphOptions): Promise<void> {
  const graph = buildGraph(model.spec.layout, options);
  const batch = promptsOf(model);
  const patchable = await open(model, graph);
  const request = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
  const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
  for (const base of [0, 0.5]) {
    const { tensors } = await patchable.maskGradient(batch, {
      ...request,
      objective,
      at: { kind: 'mask', mask: base },
    });
    const loss = async (edge: number, value: number): Promise<number[]> => {
      const { data } = await patchable.patchedRun(batch, {
        ...request,
        mask: maskFromEdges(graph, [edge], { inside: value, outside: base }),
      });
      const width = data.length / batch.prompts.length;
      return batch.prompts.map((_, i) => data[i * width + 1]! - data[i * width]!);
    };
    const random = seededRandom(3, `derivatives ${base}`);
    for (let n = 0; n < 6; n++) {
      const edge = random.below(graph.edgeCount);
      const { module, offset } = scorePlace(graph, edge);
      const central = async (h: number): Promise<number[]> => {
        const [up, down] = [await loss(edge, base + h), await loss(edge, base - h)];
        return up.map((x, i) => (x - down[i]!) / (2 * h));
      };
      const [coarse, fine] = [await central(STEP), await central(STEP / 2)];
      const perItem = tensors[module]!.data.length / batch.prompts.length;
      for (const i of batch.prompts.keys()) {
        const slope = (4 * fine[i]! - coarse[i]!) / 3;
        const gradient = tensors[module]!.data[i * perItem + offset]!;
        const error = Math.abs(gradient - slope) / (1 + Math.abs(slope));
        require(error <
          STEP_TOLERANCE, `the gradient of ${edgeAt(graph, edge).name} at mask ${base} is not the derivative`, `${slope}`, `${gradient}`);
      }
    }
  }
  await patchable.dispose();
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
