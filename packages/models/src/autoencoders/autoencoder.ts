/**
 * @file A sparse autoencoder of an MLP's output, read from a folder: cfg.json and safetensors with `W_enc` [dModel, latents],
 * `b_enc` [latents], `W_dec` [latents, dModel], `b_dec` [dModel], and `threshold` [latents] where latents jump (the layout of
 * SAELens).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AutoCircuitError, openSafetensors } from '@auto-circuit/core';
import { z } from 'zod';
import { count, parseConfig, readJson } from '../checkpoint/config.js';

const WHERE = 'autoencoder';

/** What becomes of a latent's pre-activation x: relu(x) · x where x > threshold, else 0 · relu(x) of the k largest. */
export type LatentActivation =
  | { readonly kind: 'relu' }
  | { readonly kind: 'jumprelu'; readonly threshold: Float32Array }
  | { readonly kind: 'topk'; readonly k: number };

/** latents = activation((x − decoderBias?) · encoder + encoderBias); x is about latents · decoder + decoderBias. */
export interface Autoencoder {
  /** What sentences call it. */
  readonly source: string;
  readonly layer: number;
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

const schema = z.looseObject({
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
  activation_fn_str: z.string().nullish(),
  activation_fn_kwargs: z.looseObject({ k: count.nullish() }).nullish(),
  normalize_activations: z.literal('none', 'scaled inputs are not supported').default('none'),
  rescale_acts_by_decoder_norm: z.literal(false, 'latents in units of the decoder are not supported').default(false),
});
type Config = z.output<typeof schema>;

const FILES = ['sae_weights.safetensors', 'sae.safetensors', 'model.safetensors'];

/**
 * @param layer whose MLP it is; default: what cfg.json says
 * @throws AutoCircuitError for a missing or broken file, an architecture that is not built, a hook that is no MLP's output
 */
export function readAutoencoder(folder: string, layer?: number): Autoencoder {
  const path = join(folder, 'cfg.json');
  const config = parseConfig(schema, readJson(path), path);
  const name = FILES.find((file) => existsSync(join(folder, file)));
  if (!name) {
    throw new AutoCircuitError({ where: WHERE, what: `${folder} has no weights`, expected: FILES.join(', or ') });
  }
  const file = openSafetensors(join(folder, name));
  const read = (tensor: string, shape: readonly number[]): Float32Array => {
    const entry = file.tensors.get(tensor);
    if (entry?.shape.join() !== shape.join()) {
      throw new AutoCircuitError({
        where: WHERE,
        what: `${file.path} has ${entry ? 'another' : 'no'} "${tensor}"`,
        expected: `[${shape.join(', ')}]`,
        ...(entry ? { got: `[${entry.shape.join(', ')}]` } : {}),
      });
    }
    return Float32Array.from(file.read(tensor) as ArrayLike<number>);
  };
  const { d_in: d, d_sae: n } = config;
  return Object.freeze<Autoencoder>({
    source: folder,
    layer: layer ?? layerOf(config, path),
    dModel: d,
    latents: n,
    encoder: read('W_enc', [d, n]),
    encoderBias: read('b_enc', [n]),
    decoder: read('W_dec', [n, d]),
    decoderBias: read('b_dec', [d]),
    activation: activationOf(config, path, () => read('threshold', [n])),
    centred: config.apply_b_dec_to_input,
  });
}

function activationOf(config: Config, path: string, threshold: () => Float32Array): LatentActivation {
  if (config.architecture === 'jumprelu') return { kind: 'jumprelu', threshold: threshold() };
  const sparse = config.architecture === 'topk' || config.activation_fn_str === 'topk';
  if (!sparse) return { kind: 'relu' };
  const k = config.k ?? config.activation_fn_kwargs?.k;
  if (k === undefined || k === null || k > config.d_sae) {
    throw new AutoCircuitError({
      where: WHERE,
      what: `${path} does not say how many latents are active`,
      expected: `k from 1 to ${config.d_sae}`,
      ...(k ? { got: `${k}` } : {}),
    });
  }
  return { kind: 'topk', k };
}

function layerOf({ hook_name, hook_point, metadata }: Config, path: string): number {
  const hook = hook_name ?? hook_point ?? metadata?.hook_name;
  const layer = /^blocks\.(\d+)\.hook_mlp_out$/.exec(hook ?? '')?.[1];
  if (layer !== undefined) return Number(layer);
  throw new AutoCircuitError({
    where: WHERE,
    what: `${path} is not for the output of an MLP`,
    expected: 'hook_name blocks.N.hook_mlp_out',
    got: hook ?? 'none',
    fix: 'name the layer if it is for one all the same',
  });
}
