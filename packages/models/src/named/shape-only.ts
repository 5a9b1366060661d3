/** @file A named size or a folder as a model without numbers: its graph, parameters and memory are known, but it cannot be run. */

import type { WeightStore } from '@auto-circuit/core/backend';
import { AutoCircuitError, elementCount, type ModelObject } from '@auto-circuit/core/plugin';
import { openCheckpoint, type RawCheckpoint } from '../checkpoint/hf-folder.js';
import type { ProcessingRequest } from '../checkpoint/processing.js';
import type { CanonicalTensors } from '../checkpoint/tensors.js';
import { FAMILIES } from '../families/families.js';
import type { Family } from '../families/family.js';
import type { NamedSize } from './named-size.js';
import { namedSize } from './sizes.js';

/**
 * The model of that name as its config says it is; nothing is fetched. undefined where no size has the name.
 * @param process the steps that loading would do: they change which weights there are
 */
export function namedShape(name: string, process: ProcessingRequest): ModelObject | undefined {
  const size = namedSize(name);
  if (!size) return undefined;
  const family = FAMILIES.find(({ modelTypes }) => modelTypes.includes(size.config.model_type))!;
  return family.ofCheckpoint(size.name, withoutNumbers(size), process, (tensors) => shapesOnly(size.name, tensors));
}

/**
 * The model in a folder; of its weight files only the headers are read.
 * @param onWarning told what is odd about the checkpoint
 * @throws AutoCircuitError for a config or files that cannot be read
 */
export function folderShape(
  { ofCheckpoint }: Family,
  name: string,
  folder: string,
  process: ProcessingRequest,
  onWarning: (line: string) => void,
): ModelObject {
  const raw = openCheckpoint(folder);
  return ofCheckpoint(name, raw, process, (tensors) => shapesOnly(name, tensors), onWarning);
}

/** Tensors that recipes ask for by name: biases that only some families have. */
const OPTIONAL_TENSORS: Readonly<Record<string, RegExp>> = { qwen2: /self_attn\.[qkv]_proj\.bias$/ };

function withoutNumbers({ name, config }: NamedSize & { readonly name: string }): RawCheckpoint {
  const read = (): never => {
    throw notHere(name);
  };
  return Object.freeze({
    source: name,
    config,
    names: [],
    has: (tensor: string) => OPTIONAL_TENSORS[config.model_type]?.test(tensor) ?? false,
    tensor: read,
    read,
  });
}

function shapesOnly(name: string, tensors: CanonicalTensors): WeightStore {
  let byteOffset = 0;
  const entries = new Map(
    [...tensors.values()].map((tensor) => {
      const entry = { shape: tensor.shape, file: name, byteOffset };
      byteOffset += Float32Array.BYTES_PER_ELEMENT * elementCount(tensor.shape);
      return [tensor.name, entry] as const;
    }),
  );
  return Object.freeze<WeightStore>({
    key: `shape of ${name}`,
    names: [...entries.keys()],
    entry: (tensor) => entries.get(tensor)!,
    read: () => {
      throw notHere(name);
    },
  });
}

const notHere = (name: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'weights-not-published',
    fields: { model: name },
    where: 'models',
    what: `only the shape of ${name} is known here, not its weights`,
    kind: 'internal',
  });
