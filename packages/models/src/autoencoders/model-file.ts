/**
 * @file A model with latents as a file, which `loadModel` takes in place of a model's name:
 *
 *     { "format": "auto-circuit model 1", "model": "ioi-mini", "autoencoders": [{ "folder": "sae", "site": "L0.mlp", "latents": [3, 17] }] }
 *
 * Relative folders start at the file's folder.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ModelObject } from '@auto-circuit/core/plugin';
import { fileError } from '@auto-circuit/core/run';
import { z } from 'zod';
import { parseConfig, readJson } from '../checkpoint/config.js';
import { readAutoencoder } from './autoencoder.js';
import { withLatents } from './with-latents.js';

const number = z.int().nonnegative();
const schema = z.strictObject({
  format: z.literal('auto-circuit model 1'),
  /** A name or folder, as `loadModel` takes it. */
  model: z.string().min(1),
  autoencoders: z
    .array(z.strictObject({ folder: z.string().min(1), site: z.string(), latents: z.array(number).min(1) }))
    .min(1),
});
/** The content of a model file. */
export type ModelFile = z.output<typeof schema>;

/** Reads a model file. @throws AutoCircuitError for a file that is missing or has another form */
export const readModelFile = (path: string): ModelFile => parseConfig(schema, readJson(path), path);

/** Writes a model file. @throws AutoCircuitError when it cannot be written */
export async function writeModelFile(path: string, content: Omit<ModelFile, 'format'>): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify({ format: 'auto-circuit model 1', ...content }, null, 1)}\n`);
  } catch (cause) {
    throw fileError('models', 'write', path, cause);
  }
}

/**
 * Puts the file's autoencoders into its model.
 * @param path the file's: folders of autoencoders are relative to it
 * @throws AutoCircuitError for an autoencoder that cannot be read, or that does not fit the model
 */
export function withAutoencoders(
  model: ModelObject,
  name: string,
  path: string,
  { autoencoders }: ModelFile,
): ModelObject {
  const attached = autoencoders.map(({ folder, site, latents }) => ({
    autoencoder: readAutoencoder(resolve(dirname(path), folder), site),
    chosen: latents,
  }));
  return { ...withLatents(model, attached), name };
}
