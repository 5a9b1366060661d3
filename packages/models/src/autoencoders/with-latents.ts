/**
 * @file A model with sparse autoencoders on its MLPs or on the residual stream: some latents are sources of their own, and what
 * they leave unexplained (the error) is one more, so that the model computes what it did before.
 *
 *     MLP output (or residual stream) = Σ latents + error + decoder bias
 */

import { memoryWeights, type WeightEntry, type WeightStore } from '@auto-circuit/core/backend';
import {
  type AnyValue,
  AutoCircuitError,
  buildGraph,
  contribution,
  type ErrorCode,
  latentSite,
  type ModelObject,
  optionsFor,
  type PatchPoints,
  type ProgramBuilder,
  parseSite,
} from '@auto-circuit/core/plugin';
import type { Autoencoder } from './autoencoder.js';

/** An autoencoder, and which of its latents become sources. */
export interface ChosenLatents {
  readonly autoencoder: Autoencoder;
  /** By number; the rest stay in the error. */
  readonly chosen: readonly number[];
}

/**
 * The model with latents as sources (`MLP 3 Latent 17`, `MLP 3 Error`). Its outputs stay the same but for rounding.
 * @throws AutoCircuitError for a site that is not there, an autoencoder of another width, a latent that is not there, a site twice
 */
export function withLatents(model: ModelObject, attached: readonly ChosenLatents[]): ModelObject {
  const { layout } = model.spec;
  if (layout.kind !== 'transformer') throw refused(model, 'it is a toy model', { code: 'unsupported-graph' });
  const bySite = new Map<string, Attached>();
  for (const { autoencoder, chosen } of attached) {
    const { site, dModel, latents, source } = autoencoder;
    const missing = chosen.find((latent) => !Number.isSafeInteger(latent) || latent < 0 || latent >= latents);
    if (dModel !== layout.dModel)
      throw refused(model, `${source} is for dModel ${dModel}, not ${layout.dModel}`, { fields: { site } });
    if (missing !== undefined)
      throw refused(model, `${source} has latents 0 to ${latents - 1}, not ${missing}`, {
        code: 'index-out-of-range',
        fields: { index: missing, size: latents },
      });
    if (bySite.has(site)) throw refused(model, `${site} has two`, { fields: { site } });
    bySite.set(site, { autoencoder, chosen, prefix: `sae.${site}` });
  }
  const latents = Object.fromEntries(attached.map(({ autoencoder, chosen }) => [autoencoder.site, [...chosen]]));
  const own = { ...layout, latents };
  buildGraph(own, optionsFor(own)); // says which site is not there
  return Object.freeze<ModelObject>({
    ...model,
    spec: { ...model.spec, layout: own },
    weights: joined(model.weights, [...bySite.values()]),
    trace: (points) => model.trace(decomposed(points, bySite)),
  });
}

/** Whether it encodes the residual stream: then its latents are sources of the residual graph only. */
export const encodesResidual = ({ site }: Pick<Autoencoder, 'site'>): boolean => parseSite(site)?.kind !== 'mlp';

/** An autoencoder in a model. */
export interface Attached extends ChosenLatents {
  /** The prefix of its weights' names. */
  readonly prefix: string;
}
/** `points`, where a site with an autoencoder writes its latents, then what they leave. */
function decomposed(points: PatchPoints, bySite: ReadonlyMap<string, Attached>): PatchPoints {
  const { builder: b } = points;
  const write = (site: string, found: Attached, out: AnyValue): AnyValue => {
    const { autoencoder, chosen, prefix } = found;
    const { dModel } = autoencoder;
    const bias = points.weight(`${prefix}.dec.b`, [dModel]);
    const active = b.role(activations(points, found, out, bias), `${prefix}.act`); // [batch, pos, chosen]
    const decoder = points.weight(`${prefix}.dec.W`, [chosen.length, 1, dModel]);
    const decoded = b.matmul(active, b.reshape(decoder, [chosen.length, dModel])); // [batch, pos, dModel]
    const [batch, pos] = out.shape;
    const byLatent = b.reshape(b.transpose(active, [2, 0, 1]), [chosen.length, batch!, pos!, 1]); // [chosen, batch, pos, 1]
    const written = points.outOf(latentSite(site), byLatent, decoder, decoded);
    const error = points.outOf(site, b.sub(b.sub(out, decoded), bias));
    return b.add(b.add(written, error), bias);
  };
  return {
    ...points,
    outOf(site, value, projection, sum) {
      const found = bySite.get(site);
      if (!found) return points.outOf(site, value, projection, sum);
      const rows = value.shape.length === 3 ? b.reshape(value, [1, ...value.shape]) : value;
      return write(site, found, sum ?? contribution(b, { value: rows, projection: projection ?? null }));
    },
    stream(site, residual) {
      const found = bySite.get(site);
      const entered = found && points.into(site, residual).stream; // [1, batch, pos, dModel]
      return entered ? write(site, found, b.reshape(entered, residual.shape)) : points.stream(site, residual);
    },
  };
}

/** out [batch, pos, dModel] → the chosen latents [batch, pos, chosen]. */
export function activations(
  points: Pick<PatchPoints, 'builder' | 'weight'>,
  { autoencoder, chosen, prefix }: Attached,
  out: AnyValue,
  bias: AnyValue,
): AnyValue {
  const { builder: b, weight } = points;
  const { activation, centred, dModel } = autoencoder;
  const width = encoded({ autoencoder, chosen }).length;
  const input = centred ? b.sub(out, bias) : out;
  const pre = b.add(b.matmul(input, weight(`${prefix}.enc.W`, [dModel, width])), weight(`${prefix}.enc.b`, [width])); // [batch, pos, width]
  if (activation.kind === 'relu') return b.relu(pre);
  if (activation.kind === 'tanh-relu') return b.tanh(b.relu(pre));
  if (activation.kind === 'jumprelu') return b.where(b.less(weight(`${prefix}.threshold`, [width]), pre), pre, 0);
  const least = b.stopGradient(largestButFew(b, pre, activation.k)); // [batch, pos, 1]
  const active = b.where(b.lessEqual(least, pre), b.relu(pre), 0); // [batch, pos, width]
  return width === chosen.length ? active : b.slice(active, 2, 0, chosen.length);
}

/** The k-th largest along the last axis, which stays with size 1: the largest, then the largest below it, k times (equal ones count once). */
function largestButFew(b: ProgramBuilder, x: AnyValue, k: number): AnyValue {
  let largest = b.max(x, -1, true);
  for (let i = 1; i < k; i++) largest = b.max(b.where(b.less(x, largest), x, NOTHING), -1, true);
  return largest;
}
/** Below every pre-activation, and finite. */
const NOTHING = -1e30;

/** The latents whose pre-activations are computed: the chosen ones, and where all compete, the others after them. */
function encoded({ autoencoder: { activation, latents }, chosen }: ChosenLatents): readonly number[] {
  if (activation.kind !== 'topk') return chosen;
  const first = new Set(chosen);
  return [...chosen, ...Array.from({ length: latents }, (_, i) => i).filter((i) => !first.has(i))];
}

function weightsOf({
  autoencoder,
  chosen,
  prefix,
}: Attached): Record<string, WeightEntry & { readonly data: Float32Array }> {
  const { activation, dModel, latents, encoder, encoderBias, decoder, decoderBias } = autoencoder;
  const order = encoded({ autoencoder, chosen });
  const width = order.length;
  const columns = Float32Array.from({ length: dModel * width }, (_, i) => {
    return encoder[Math.floor(i / width) * latents + order[i % width]!]!;
  });
  const rows = Float32Array.from({ length: chosen.length * dModel }, (_, i) => {
    return decoder[chosen[Math.floor(i / dModel)]! * dModel + (i % dModel)]!;
  });
  const picked = (vector: Float32Array): Float32Array => Float32Array.from(order, (latent) => vector[latent]!);
  return {
    [`${prefix}.enc.W`]: { shape: [dModel, width], data: columns },
    [`${prefix}.enc.b`]: { shape: [width], data: picked(encoderBias) },
    [`${prefix}.dec.W`]: { shape: [chosen.length, 1, dModel], data: rows },
    [`${prefix}.dec.b`]: { shape: [dModel], data: decoderBias },
    ...(activation.kind === 'jumprelu'
      ? { [`${prefix}.threshold`]: { shape: [width], data: picked(activation.threshold) } }
      : {}),
  };
}

/** The weights of autoencoders, by their prefixes. */
export const attachedWeights = (attached: readonly Attached[]): WeightStore =>
  memoryWeights(Object.assign({}, ...attached.map(weightsOf)));

/** The model's weights and the autoencoders'. */
function joined(weights: WeightStore, attached: readonly Attached[]): WeightStore {
  const own = attachedWeights(attached);
  const names = new Set(own.names);
  const storeOf = (name: string): WeightStore => (names.has(name) ? own : weights);
  return Object.freeze<WeightStore>({
    key: `${weights.key}+${own.key}`,
    names: [...weights.names, ...own.names],
    entry: (name) => storeOf(name).entry(name),
    read: (name) => storeOf(name).read(name),
    check: () => weights.check?.(),
  });
}

const refused = (
  { name }: ModelObject,
  why: string,
  { code = 'unfit-autoencoder', fields }: { readonly code?: ErrorCode; readonly fields?: object },
): AutoCircuitError =>
  new AutoCircuitError({
    code,
    fields: { model: name, ...fields },
    where: 'autoencoder',
    what: `no latents can be put into ${name}: ${why}`,
  });
