/**
 * @file A Hugging Face folder as it lies on disk: config.json and the raw tensors by name, read one at a time.
 *
 * @example
 * const checkpoint = openCheckpoint('models/gpt2');
 * const wte = checkpoint.read('wte.weight', [50257, 768]); // [vocab, dModel]
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { openSafetensors, type SafetensorsDType, type SafetensorsFile } from '@auto-circuit/core/run';
import { z } from 'zod';
import { parseConfig, type RawConfig, readConfig, readJson } from './config.js';
import { missingTensor } from './errors.js';
import { isCompanion, numbersOf, quantisationNote, readQuantisation, readShape } from './quantised.js';

const WHERE = 'checkpoint';

/** A tensor as it lies in its file. */
export interface RawTensor {
  /** Of packed weights, the shape that they have when they are read. */
  readonly shape: readonly number[];
  readonly dtype: SafetensorsDType;
  readonly file: string;
  /** From the start of the file. */
  readonly byteOffset: number;
}

/** A model's raw tensors under the names its makers gave them. */
export interface RawCheckpoint {
  /** The folder, or a name for what was built in code; errors name it. */
  readonly source: string;
  readonly config: RawConfig;
  /** Of all tensors, but the scales of quantised weights. */
  readonly names: readonly string[];
  /** What a user should know of it, in lines: that its weights are quantised, say. */
  readonly notes?: readonly string[];
  has(name: string): boolean;
  /** Throws for an unknown name. */
  tensor(name: string): RawTensor;
  /**
   * The numbers as float32, row-major; halves are widened, float64 is narrowed, quantised weights are multiplied out.
   * @throws AutoCircuitError for a missing tensor, another shape than `shape`, NaN or infinite numbers
   */
  read(name: string, shape?: readonly number[]): Float32Array;
}

const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * The weight files that a folder's checkpoint consists of, as full paths.
 * @throws AutoCircuitError when there are none, or some are missing (unless they `mayLack`)
 */
export function weightFiles(folder: string, { mayLack = false } = {}): readonly string[] {
  if (existsSync(join(folder, WEIGHTS))) return [join(folder, WEIGHTS)];
  const indexPath = join(folder, INDEX);
  if (!existsSync(indexPath)) throw noWeights(folder);
  const { weight_map } = parseConfig(indexSchema, readJson(indexPath), indexPath);
  const shards = [...new Set(Object.values(weight_map))].sort();
  const outside = shards.find((shard) => basename(shard) !== shard || shard.startsWith('.'));
  if (outside !== undefined) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: indexPath, key: 'weight_map' },
      where: WHERE,
      what: `${indexPath} names a weight file outside its folder`,
      expected: 'plain file names',
      got: outside,
    });
  }
  const missing = mayLack ? [] : shards.filter((shard) => !existsSync(join(folder, shard)));
  if (missing.length > 0) {
    throw new AutoCircuitError({
      code: 'file-not-found',
      fields: { path: folder, files: missing },
      where: WHERE,
      what: `${folder} lacks ${missing.length} of its ${shards.length} weight files`,
      expected: missing.slice(0, 8).join(', ') + (missing.length > 8 ? ', …' : ''),
      fix: 'finish the download',
    });
  }
  return shards.map((shard) => join(folder, shard));
}

/** All files that a folder's checkpoint is read from, as full paths; those that are missing are left out. */
export function checkpointFiles(folder: string): readonly string[] {
  const small = ['config.json', INDEX].map((name) => join(folder, name)).filter((path) => existsSync(path));
  return [...small, ...weightFiles(folder)];
}

/**
 * Opens a folder with config.json and model.safetensors (or its shards and their index). Only headers are read.
 * @throws AutoCircuitError for a missing or broken file, a missing shard, a tensor in two shards, quantised weights that are
 *   not read
 */
export function openCheckpoint(folder: string): RawCheckpoint {
  const config = readConfig(folder);
  const owners = new Map<string, SafetensorsFile>();
  for (const path of weightFiles(folder)) {
    const file = openSafetensors(path);
    for (const name of file.tensors.keys()) {
      const other = owners.get(name);
      if (other) {
        throw new AutoCircuitError({
          code: 'invalid-file',
          fields: { path: folder, key: name },
          where: WHERE,
          what: `tensor "${name}" is in two files of ${folder}`,
          got: `${basename(other.path)} and ${basename(path)}`,
        });
      }
      owners.set(name, file);
    }
  }
  const ownerOf = (name: string): SafetensorsFile => {
    const file = owners.get(name);
    if (!file) throw missingTensor(WHERE, `tensor in ${folder}`, name, [...owners.keys()]);
    return file;
  };
  const tensor = (name: string): RawTensor => {
    const { path, tensors } = ownerOf(name);
    const { shape, dtype, byteOffset } = tensors.get(name)!;
    return { shape, dtype, file: path, byteOffset };
  };
  const has = (name: string): boolean => owners.has(name);
  const stored = { source: folder, config, names: [...owners.keys()], has, tensor };
  const quantisation = readQuantisation(stored);
  const note = quantisationNote(folder, quantisation);
  const shapeOf = (name: string): readonly number[] => readShape(quantisation, name, tensor(name).shape);
  const whole = { ...stored, stored: (name: string) => ownerOf(name).read(name) };
  return Object.freeze({
    ...stored,
    tensor: (name: string): RawTensor => ({ ...tensor(name), shape: shapeOf(name) }),
    names: Object.freeze(stored.names.filter((name) => !isCompanion(stored, quantisation, name))),
    notes: Object.freeze(note === null ? [] : [note]),
    read: (name: string, shape?: readonly number[]) => {
      if (shape) checkShape(folder, name, shapeOf(name), shape);
      const floats = numbersOf(whole, quantisation, name);
      checkFinite(folder, name, floats);
      return floats;
    },
  });
}

/** A checkpoint over arrays in memory, for models built in code; the same checks as for a folder. */
export function memoryCheckpoint(
  source: string,
  config: RawConfig,
  tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>,
): RawCheckpoint {
  const find = (name: string) => {
    if (!Object.hasOwn(tensors, name)) throw missingTensor(WHERE, `tensor in ${source}`, name, Object.keys(tensors));
    return tensors[name]!;
  };
  return Object.freeze({
    source,
    config,
    names: Object.freeze(Object.keys(tensors)),
    has: (name: string) => Object.hasOwn(tensors, name),
    tensor: (name: string): RawTensor => ({ shape: find(name).shape, dtype: 'F32', file: source, byteOffset: 0 }),
    read: (name: string, shape?: readonly number[]) => {
      const entry = find(name);
      checkShape(source, name, entry.shape, shape ?? entry.shape);
      checkFinite(source, name, entry.data);
      return entry.data;
    },
  });
}

function checkShape(source: string, name: string, got: readonly number[], expected: readonly number[]): void {
  if (got.length === expected.length && got.every((size, axis) => size === expected[axis])) return;
  throw new AutoCircuitError({
    code: 'wrong-tensor',
    fields: { tensor: name, shape: got, expectedShape: expected },
    where: WHERE,
    what: `tensor "${name}" of ${source} has a different shape than config.json says`,
    expected: `[${expected.join(', ')}]`,
    got: `[${got.join(', ')}]`,
    fix: 'check that weights and config belong together',
  });
}

function checkFinite(source: string, name: string, numbers: Float32Array): void {
  for (let i = 0; i < numbers.length; i++) {
    // NaN and both infinities, and nothing else, give NaN here
    if (numbers[i]! - numbers[i]! === 0) continue;
    throw new AutoCircuitError({
      code: 'not-finite',
      fields: { tensor: name, index: i },
      where: WHERE,
      what: `tensor "${name}" of ${source} holds a number that is not finite`,
      got: `${numbers[i]} at element ${i}`,
      fix: 'the checkpoint is damaged or was trained to divergence; download it again or use another',
    });
  }
}

function noWeights(folder: string): AutoCircuitError {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const pickled = present.filter((name) => /\.(bin|pt|pth|ckpt|h5|msgpack|gguf)$/.test(name));
  return new AutoCircuitError({
    code: pickled.length > 0 ? 'unsupported-format' : 'file-not-found',
    fields: { path: folder, files: pickled },
    where: WHERE,
    what: `${folder} has no weights in safetensors form`,
    expected: `${WEIGHTS} or ${INDEX}`,
    got: (pickled.length > 0 ? pickled : present).slice(0, 8).join(', ') || 'an empty folder',
    fix: pickled.length > 0 ? 'convert them to safetensors (pickled weights are never loaded)' : 'name a model folder',
  });
}
