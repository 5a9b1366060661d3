/** @file Test helper: the models of `test-data/families`, from either form of their config. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { memoryWeights } from '@auto-circuit/core/backend';
import type { ModelObject } from '@auto-circuit/core/plugin';
import type { RawConfig } from '../checkpoint/config.js';
import { openCheckpoint } from '../checkpoint/hf-folder.js';
import type { ProcessingRequest } from '../checkpoint/processing.js';
import { FAMILIES } from './families.js';

/** Made by `scripts/make-family-test-data.py`. */
export const FAMILY_DATA: string = fileURLToPath(new URL('../../test-data/families/', import.meta.url));

/** The folders there. */
export const familyFolders = (): string[] => readdirSync(FAMILY_DATA);

/**
 * The model of a folder.
 * @param form the file that its config is read from: `config.json`, or `config.original.json`
 */
export function folderModel(name: string, process: ProcessingRequest, form = 'config.json'): ModelObject {
  const folder = `${FAMILY_DATA}${name}`;
  const config = JSON.parse(readFileSync(`${folder}/${form}`, 'utf8')) as RawConfig;
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(config.model_type))!;
  return family.ofCheckpoint(name, { ...openCheckpoint(folder), config }, process, (tensors) => {
    const loaded = [...tensors].map(([weight, { shape, load }]) => [weight, { shape, data: load() }] as const);
    return memoryWeights(Object.fromEntries(loaded));
  });
}
