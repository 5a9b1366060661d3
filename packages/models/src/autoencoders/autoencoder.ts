/**
 * @file A sparse autoencoder of an MLP's output or of the residual stream, read from a folder: cfg.json and safetensors with
 * `W_enc` [dModel, latents], `b_enc` [latents], `W_dec` [latents, dModel], `b_dec` [dModel], `threshold` [latents] of a
 * JumpReLU, and `finetuning_scaling_factor` [latents], by which latents are multiplied before they are decoded (the layout of
 * SAELens, https://github.com/jbloomAus/SAELens). A key or a tensor that changes numbers and is not computed here is refused.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AutoCircuitError, openSafetensors } from '@auto-circuit/core';
import { layerSite, siteText } from '@auto-circuit/core/plugin';
import { type SafetensorsFile, unchangedSince } from '@auto-circuit/core/run';
import { z } from 'zod';
import { count, parseConfig, readJson } from '../checkpoint/config.js';

const WHERE = 'autoencoder';

/**
 * A latent's activation of its pre-activation x: relu(x); tanh(relu(x)); x where x > threshold, else 0; or relu(x) for the k
 * largest x, else 0.
 */
export type LatentActivation =
  | { readonly kind: 'relu' }
  | { readonly kind: 'tanh-relu' }
  | { readonly kind: 'jumprelu'; readonly threshold: Float32Array }
  | { readonly kind: 'topk'; readonly k: number };

/** latents = activation((x − decoderBias?) · encoder + encoderBias); x is about latents · decoder + decoderBias. */
export interface Autoencoder {
  /** What sentences call it. */
  readonly source: string;
  /** What it encodes: `L3.mlp`, or the residual stream after attention (`L3.mid`) or after the MLP (`L3.post`). */
  readonly site: string;
  readonly dModel: number;
  readonly latents: number;
  /** [dModel, latents]. */
  readonly encoder: Float32Array;
  /** [latents]. */
  readonly encoderBias: Float32Array;
  /** [latents, dModel]. */
  readonly decoder: Float32Array;
  /** [dModel]. */
  readonly decoderBias: Float32Array;
  readonly activation: LatentActivation;
  /** Whether the decoder's bias is taken off before encoding. */
  readonly centred: boolean;
}

const ACTIVATIONS = ['relu', 'tanh-relu', 'topk'] as const;
const activation = z.enum(ACTIVATIONS, `only ${ACTIVATIONS.join(', ')} are supported`).nullish();
const none = (what: string) => z.null(`${what} are not supported`).optional();
const keys = z.looseObject({
  architecture: z
    .enum(['standard', 'jumprelu', 'topk'], 'only standard, jumprelu and topk are supported')
    .default('standard'),
  d_in: count,
  d_sae: count,
  hook_name: z.string().nullish(),
  /** Older files. */
  hook_point: z.string().nullish(),
  /** Newer ones. */
  metadata: z.looseObject({ hook_name: z.string().nullish() }).nullish(),
  apply_b_dec_to_input: z.boolean().default(true),
  k: count.nullish(),
  activation_fn_str: activation,
  activation_fn: activation,
  activation_fn_kwargs: z.strictObject({ k: count.nullish() }, 'only k is supported').nullish(),
  finetuning_scaling_factor: z.boolean().nullish(),
  /** Older files have false for none. */
  normalize_activations: z.literal(['none', false], 'scaled inputs are not supported').nullish(),
  reshape_activations: z.literal('none', 'reshaped inputs are not supported').nullish(),
  hook_head_index: none('autoencoders of one head'),
  /** Transcoders read one place and write another. */
  is_transcoder: z.literal(false, 'transcoders are not supported').nullish(),
  d_out: count.nullish(),
  hook_name_out: none('transcoders'),
  hook_point_out: none('transcoders'),
  rescale_acts_by_decoder_norm: z.literal(false, 'latents in units of the decoder are not supported').default(false),
});
const schema = keys.refine(({ d_in, d_out }) => d_out === undefined || d_out === null || d_out === d_in, {
  path: ['d_out'],
  error: 'transcoders are not supported',
});
type Config = z.output<typeof schema>;

const FILES = ['sae_weights.safetensors', 'sae.safetensors', 'model.safetensors'];

/**
 * Reads an autoencoder's folder.
 * @param site what it encodes; default: what cfg.json says
 * @throws AutoCircuitError for a missing or broken file, an architecture or a setting that is not built, a hook of another kind
 */
export function readAutoencoder(folder: string, site?: string): Autoencoder {
  const path = join(folder, 'cfg.json');
  const name = FILES.find((file) => existsSync(join(folder, file)));
  const used = [path, ...(name === undefined ? [] : [join(folder, name)])].filter((file) => existsSync(file));
  const checkUnchanged = unchangedSince(WHERE, used, 'the autoencoder was being read');
  const config = parseConfig(schema, readJson(path), path);
  if (!name) {
    throw new AutoCircuitError({
      code: 'file-not-found',
      fields: { path: folder, files: FILES },
      where: WHERE,
      what: `${folder} has no weights`,
      expected: FILES.join(', or '),
    });
  }
  const file = openSafetensors(join(folder, name));
  const read = (tensor: string, shape: readonly number[]): Float32Array => {
    const entry = file.tensors.get(tensor);
    if (entry?.shape.join() !== shape.join()) {
      throw new AutoCircuitError({
        code: entry ? 'wrong-tensor' : 'missing-tensor',
        fields: { tensor, path: file.path, shape: entry?.shape, expectedShape: shape },
        where: WHERE,
        what: `${file.path} has ${entry ? 'another' : 'no'} "${tensor}"`,
        expected: `[${shape.join(', ')}]`,
        ...(entry ? { got: `[${entry.shape.join(', ')}]` } : {}),
      });
    }
    return Float32Array.from(file.read(tensor) as ArrayLike<number>);
  };
  const { d_in: d, d_sae: n } = config;
  refuseOtherTensors(config, file);
  const whole = Object.freeze<Autoencoder>({
    source: folder,
    site: site ?? siteOf(config, path),
    dModel: d,
    latents: n,
    encoder: read('W_enc', [d, n]),
    encoderBias: read('b_enc', [n]),
    decoder: decoderOf(config, file, read),
    decoderBias: read('b_dec', [d]),
    activation: activationOf(config, path, () => read('threshold', [n]).map((x) => Math.max(x, 0))), // of relu(x)
    centred: config.apply_b_dec_to_input,
  });
  checkUnchanged();
  return whole;
}

/** Names of the factors of latents: the second in older files. */
const FACTORS = ['finetuning_scaling_factor', 'scaling_factor'];
const TENSORS = ['W_enc', 'b_enc', 'W_dec', 'b_dec'];

/** A tensor that is not used would change numbers: of a gate, a skip connection, a threshold that the config does not know. */
function refuseOtherTensors({ architecture }: Config, { path, tensors }: SafetensorsFile): void {
  const known = [...TENSORS, ...FACTORS, ...(architecture === 'jumprelu' ? ['threshold'] : [])];
  const other = [...tensors.keys()].find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new AutoCircuitError({
    code: 'unsupported-format',
    fields: { path, tensor: other },
    where: WHERE,
    what: `${path} has a tensor that a ${architecture} autoencoder does not use`,
    expected: known.join(', '),
    got: other,
  });
}

/** W_dec [latents, dModel] with each row times its latent's factor, where there are factors. */
function decoderOf(
  { d_in: d, d_sae: n, finetuning_scaling_factor: scaled }: Config,
  { path, tensors }: SafetensorsFile,
  read: (tensor: string, shape: readonly number[]) => Float32Array,
): Float32Array {
  const decoder = read('W_dec', [n, d]);
  const name = FACTORS.find((own) => tensors.has(own));
  if (!scaled && name === undefined) return decoder;
  const factors = read(name ?? FACTORS[0]!, [n]);
  if (scaled) return decoder.map((x, i) => x * factors[Math.floor(i / d)]!);
  if (factors.every((x) => Math.abs(x - 1) <= NEARLY_ONE)) return decoder;
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, key: 'finetuning_scaling_factor', tensor: name },
    where: WHERE,
    what: `${path} scales its latents, but its cfg.json does not say so`,
    expected: `finetuning_scaling_factor: true, or only 1 in "${name}"`,
  });
}
/** As far from 1 as factors may be that SAELens takes for 1 (torch.allclose). */
const NEARLY_ONE = 1e-5;

function activationOf(config: Config, path: string, threshold: () => Float32Array): LatentActivation {
  const own = config.activation_fn_str ?? config.activation_fn ?? null;
  if (config.architecture !== 'standard' && own !== null && own !== 'relu' && own !== config.architecture) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key: 'activation_fn_str' },
      where: WHERE,
      what: `${path} has an activation that its architecture "${config.architecture}" does not have`,
      expected: 'relu',
      got: own,
    });
  }
  if (config.architecture === 'jumprelu') return { kind: 'jumprelu', threshold: threshold() };
  const sparse = config.architecture === 'topk' || own === 'topk';
  if (!sparse) return { kind: own === 'tanh-relu' ? own : 'relu' };
  const k = config.k ?? config.activation_fn_kwargs?.k;
  if (k === undefined || k === null || k > config.d_sae) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key: 'k' },
      where: WHERE,
      what: `${path} does not say how many latents are active`,
      expected: `k from 1 to ${config.d_sae}`,
      ...(k ? { got: `${k}` } : {}),
    });
  }
  return { kind: 'topk', k };
}

/** TransformerLens's names of what can be encoded; what enters a layer is what the one before it left. */
const HOOKS: Readonly<Record<string, (layer: number) => string | null>> = {
  mlp_out: (layer) => siteText(layerSite(layer, 'mlp')),
  resid_mid: (layer) => siteText(layerSite(layer, 'mid')),
  resid_post: (layer) => siteText(layerSite(layer, 'post')),
  resid_pre: (layer) => (layer === 0 ? null : siteText(layerSite(layer - 1, 'post'))),
};

function siteOf({ hook_name, hook_point, metadata }: Config, path: string): string {
  const hook = hook_name ?? hook_point ?? metadata?.hook_name;
  const [, layer, kind] = /^blocks\.(\d+)\.hook_(\w+)$/.exec(hook ?? '') ?? [];
  const site = kind !== undefined && Object.hasOwn(HOOKS, kind) ? HOOKS[kind]!(Number(layer)) : null;
  if (site !== null) return site;
  throw new AutoCircuitError({
    code: 'unfit-autoencoder',
    fields: { path, hook },
    where: WHERE,
    what: `${path} is for a place whose latents cannot be sources`,
    expected: 'hook_name blocks.N.hook_mlp_out, hook_resid_mid, hook_resid_post or hook_resid_pre (from layer 1)',
    got: hook ?? 'none',
    fix: 'name the site if it is for one nevertheless (L3.mlp, L3.mid, L3.post)',
  });
}
