/**
 * @file Weight processing: the same model in another basis, as TransformerLens does it. Order and formulas are those of its
 * `fold_layer_norm`, `center_writing_weights`, `center_unembed` and `fold_value_biases`
 * (https://github.com/TransformerLensOrg/TransformerLens).
 *
 * Each step rewrites lazy tensors into lazy tensors. Sums are taken in float64 and rounded to float32 once.
 */
import { AutoCircuitError, unknownName } from '@auto-circuit/core/plugin';
import { addValueBias, biasThrough, centerColumns, centerRows, centerVector, scaleInput } from './processing-math.js';
import type { CanonicalTensor, CanonicalTensors, ModelSizes } from './tensors.js';

/** The steps, in the order in which they are applied. */
export const PROCESSING_STEPS = Object.freeze([
  'fold-norm',
  'center-writes',
  'center-unembed',
  'fold-value-biases',
] as const);
/** The name of a step. */
export type ProcessingStep = (typeof PROCESSING_STEPS)[number];
/** `all` that apply to the model, `none`, or steps by name. They are always done in the order of `PROCESSING_STEPS`. */
export type ProcessingRequest = 'all' | 'none' | readonly string[];

type Tensors = Map<string, CanonicalTensor>;

interface Step {
  /** Why the step cannot be applied to this model; undefined when it can. */
  readonly obstacle: (tensors: CanonicalTensors, sizes: ModelSizes) => string | undefined;
  readonly apply: (tensors: Tensors, sizes: ModelSizes) => void;
}

const STEPS: Readonly<Record<ProcessingStep, Step>> = Object.freeze({
  'fold-norm': { obstacle: () => undefined, apply: foldNorms },
  'center-writes': {
    obstacle: (_, { norm }) =>
      norm === 'layerNorm' ? undefined : 'only a layer norm ignores the mean of what is written, an RMS norm does not',
    apply: centerWrites,
  },
  'center-unembed': {
    obstacle: (_, { logitSoftCap }) =>
      logitSoftCap ? 'its logits are capped, and a shift changes what a cap does' : undefined,
    apply: centerUnembed,
  },
  'fold-value-biases': {
    obstacle: (tensors) =>
      !tensors.has('L0.attn.v.b')
        ? 'its values have no biases'
        : tensors.has('L0.attn.sinks')
          ? 'its attention has sinks, so that what a head reads of its values does not add up to 1'
          : undefined,
    apply: foldValueBiases,
  },
});

/**
 * Applies the steps asked for.
 * @throws AutoCircuitError for an unknown step, or one asked for by name that the model does not allow
 */
export function applyProcessing(
  source: string,
  tensors: CanonicalTensors,
  sizes: ModelSizes,
  request: ProcessingRequest,
): { readonly tensors: CanonicalTensors; readonly processing: readonly ProcessingStep[] } {
  const steps = stepsFor(source, tensors, sizes, request);
  const processed: Tensors = new Map(tensors);
  // Processing makes the unembedding another matrix than the embedding: untie them first.
  if (steps.some((step) => step !== 'fold-value-biases') && !processed.has('unembed.W')) {
    processed.set('unembed.W', { ...processed.get('embed.W')!, name: 'unembed.W' });
  }
  for (const step of steps) STEPS[step].apply(processed, sizes);
  return { tensors: processed, processing: Object.freeze(steps) };
}

function stepsFor(
  source: string,
  tensors: CanonicalTensors,
  sizes: ModelSizes,
  request: ProcessingRequest,
): ProcessingStep[] {
  if (request === 'none') return [];
  if (request === 'all') return PROCESSING_STEPS.filter((step) => STEPS[step].obstacle(tensors, sizes) === undefined);
  for (const name of request) {
    const step = PROCESSING_STEPS.find((known) => known === name);
    if (!step) throw unknownName('checkpoint', 'processing step', name, PROCESSING_STEPS);
    const obstacle = STEPS[step].obstacle(tensors, sizes);
    if (obstacle) {
      throw new AutoCircuitError({
        code: 'invalid-option',
        fields: { option: 'process', got: step },
        where: 'checkpoint',
        what: `"${step}" cannot be applied to ${source}: ${obstacle}`,
        fix: `leave "${step}" out`,
      });
    }
  }
  return PROCESSING_STEPS.filter((step) => request.includes(step));
}

/** What reads a norm's output: the axis of its matrix that dModel lies on. */
interface Reader {
  readonly weight: string;
  readonly bias: string;
  readonly modelAxis: 'first' | 'last';
}
const ATTENTION_READERS: readonly Reader[] = ['q', 'k', 'v'].map((input) => ({
  weight: `attn.${input}.W`,
  bias: `attn.${input}.b`,
  modelAxis: 'last',
}));
const MLP_READERS: readonly Reader[] = [
  { weight: 'mlp.in.W', bias: 'mlp.in.b', modelAxis: 'first' },
  { weight: 'mlp.gate.W', bias: 'mlp.gate.b', modelAxis: 'last' },
  { weight: 'mlp.up.W', bias: 'mlp.up.b', modelAxis: 'last' },
  { weight: 'mlp.router.W', bias: 'mlp.router.b', modelAxis: 'last' },
];
const UNEMBED_READERS: readonly Reader[] = [{ weight: 'unembed.W', bias: 'unembed.b', modelAxis: 'last' }];

/** b' = b + W·ln.b, W' = W·diag(ln.w), and for layer norms W' minus its mean over dModel (what they read has mean 0). */
function foldNorms(tensors: Tensors, { layers, norm }: ModelSizes): void {
  for (let l = 0; l < layers; l++) {
    foldNorm(tensors, `L${l}.ln1`, `L${l}.`, ATTENTION_READERS, norm);
    foldNorm(tensors, `L${l}.ln2`, `L${l}.`, MLP_READERS, norm);
  }
  foldNorm(tensors, 'final.ln', '', UNEMBED_READERS, norm);
}

function foldNorm(
  tensors: Tensors,
  ln: string,
  prefix: string,
  readers: readonly Reader[],
  norm: ModelSizes['norm'],
): void {
  const gain = tensors.get(`${ln}.w`);
  const shift = tensors.get(`${ln}.b`);
  for (const reader of readers) {
    const weight = tensors.get(prefix + reader.weight);
    if (!weight) continue;
    const { modelAxis } = reader;
    if (shift) {
      const shape = modelAxis === 'last' ? weight.shape.slice(0, -1) : weight.shape.slice(1);
      const bias = tensors.get(prefix + reader.bias);
      put(tensors, prefix + reader.bias, shape, () =>
        biasThrough(weight.load(), modelAxis, shift.load(), bias?.load()),
      );
    }
    put(tensors, weight.name, weight.shape, () => {
      const scaled = gain ? scaleInput(weight.load(), modelAxis, gain.load()) : weight.load();
      if (norm === 'rmsNorm') return scaled;
      const dModel = modelAxis === 'last' ? weight.shape.at(-1)! : weight.shape[0]!;
      return modelAxis === 'last' ? centerRows(scaled, dModel) : centerColumns(scaled, dModel);
    });
  }
  tensors.delete(`${ln}.w`);
  tensors.delete(`${ln}.b`);
}

/** Everything that is written to the residual stream, minus its mean over dModel. */
function centerWrites(tensors: Tensors, { layers, dModel }: ModelSizes): void {
  const writers = ['embed.W', 'pos.W'];
  for (let l = 0; l < layers; l++) {
    writers.push(...['attn.o.W', 'attn.o.b', 'mlp.out.W', 'mlp.out.b', 'mlp.down.b'].map((name) => `L${l}.${name}`));
  }
  for (const name of writers) {
    const tensor = tensors.get(name);
    if (tensor) put(tensors, name, tensor.shape, () => centerRows(tensor.load(), dModel));
  }
  for (let l = 0; l < layers; l++) {
    const down = tensors.get(`L${l}.mlp.down.W`); // [dModel, dMlp]
    if (down) put(tensors, down.name, down.shape, () => centerColumns(down.load(), dModel));
  }
}

/** A constant added to all logits changes no probability: it is taken out of the unembedding and its bias. */
function centerUnembed(tensors: Tensors, { vocabulary }: ModelSizes): void {
  const weight = tensors.get('unembed.W')!;
  const bias = tensors.get('unembed.b');
  put(tensors, weight.name, weight.shape, () => centerColumns(weight.load(), vocabulary));
  if (bias) put(tensors, bias.name, bias.shape, () => centerVector(bias.load()));
}

/** Attention weights sum to 1, so a value bias always arrives whole: o.b' = o.b + Σ_h v.b[h]·W_O[h], v.b' = 0. */
function foldValueBiases(tensors: Tensors, { layers, heads, kvHeads, dHead, dModel }: ModelSizes): void {
  for (let l = 0; l < layers; l++) {
    const value = tensors.get(`L${l}.attn.v.b`);
    const output = tensors.get(`L${l}.attn.o.W`);
    if (!value || !output) continue;
    const bias = tensors.get(`L${l}.attn.o.b`);
    put(tensors, `L${l}.attn.o.b`, [dModel], () =>
      addValueBias(bias?.load() ?? new Float32Array(dModel), value.load(), output.load(), { heads, kvHeads, dHead }),
    );
    put(tensors, value.name, value.shape, () => new Float32Array(kvHeads * dHead));
  }
}

function put(tensors: Tensors, name: string, shape: readonly number[], load: () => Float32Array): void {
  tensors.set(name, Object.freeze({ name, shape, load }));
}
