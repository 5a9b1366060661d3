/** @file Opens a model by name: a shipped one, `micro`, a compiled one, a Hugging Face folder, a named size, or a hub name. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Architecture,
  AutoCircuitError,
  type ModelObject,
  type Progress,
  Registry,
  unknownName,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { readModelFile, withAutoencoders } from './autoencoders/model-file.js';
import { readConfig } from './checkpoint/config.js';
import { COMPILED_PROGRAMS, modelOfProgram } from './compiled/named-programs.js';
import { FAMILIES } from './families/families.js';
import { UNREAD_MODEL_TYPES } from './families/unread.js';
import { type HubSettings, resolveModel } from './hub/resolve-model.js';
import { folderShape } from './named/shape-only.js';
import { NAMED_SIZES, namedSize } from './named/sizes.js';
import { modelsPlugin } from './plugin.js';
import { SHIPPED_MODELS } from './shipped/shipped-models.js';
import { loadTokenizer, type ModelTokenizer } from './tokenizer/tokenizer.js';

/** How a model is loaded. */
export interface LoadModelSettings {
  /** `all`: fold norms, centre what can be centred (TransformerLens, AutoCircuit); `none`: as the checkpoint has it. Default all. */
  readonly process?: 'all' | 'none';
  /**
   * How many positions rotary tables are computed for, at most: tokens of the longest prompt. Default 8,192, or as many as the
   * model has where these are fewer.
   */
  readonly positions?: number;
  /**
   * Whether matrices of 16 bits stay so in the cache file, where nothing changes them (`process: 'none'`). Default: where the model
   * would take more than half of this machine's memory as float32.
   */
  readonly keepHalves?: boolean;
  /** Read no numbers, only what files hold: the model has a graph and counts, and cannot be run. Default false. */
  readonly shapeOnly?: boolean;
  /** Where relative folders start. Default: the process's. */
  readonly cwd?: string;
  /** Architectures to choose from. Default: this package's. */
  readonly registry?: Registry;
  readonly hub?: HubSettings;
  /** Reports tensors converted, or bytes fetched. */
  readonly progress?: Progress;
  /** Called with a line for what is unusual but no error. */
  readonly onWarning?: (line: string) => void;
}
/** A model and its tokenizer. */
export interface LoadedModel {
  readonly model: ModelObject;
  /** null for models whose input is numbers, and for folders without a tokenizer. */
  readonly tokenizer: ModelTokenizer | null;
  /** The Hugging Face folder that it was read from; absent for models that are built as objects. */
  readonly folder?: string;
}

/** Models that are built as objects. */
const OBJECTS: Readonly<Record<string, { readonly doc: string; readonly build: () => ModelObject }>> = Object.freeze({
  micro: {
    doc: "AutoCircuit's MicroModel: two layers of two heads that multiply by known numbers",
    build: () => microModel(),
  },
  ...Object.fromEntries(
    Object.entries(COMPILED_PROGRAMS).map(([name, { doc, program }]) => [
      name,
      { doc, build: () => modelOfProgram(name, program()) },
    ]),
  ),
});

/** Names that need no folder and no hub, with a line each. */
export function knownModels(): { readonly name: string; readonly doc: string }[] {
  return [...Object.entries(SHIPPED_MODELS), ...Object.entries(OBJECTS)].map(([name, { doc }]) => ({ name, doc }));
}

/** Named sizes, with a line each: `gpt2`, `pythia-70m`, … Their weights come from the hub. */
export function namedModels(): { readonly name: string; readonly doc: string }[] {
  return Object.entries(NAMED_SIZES).map(([name, { hub, config }]) => ({
    name,
    doc: hub ? `${hub} on the hub` : `${config.model_type}, counts only: no safetensors are published`,
  }));
}

/**
 * Opens a model.
 * @param name a shipped model, `micro`, a model file (`.json`, with autoencoders), a folder with config.json and safetensors, a named size, or a hub name (`org/name`)
 * @throws AutoCircuitError for an unknown name, a missing or torn file, an unknown architecture, a hub that does not answer
 */
export async function loadModel(name: string, settings: LoadModelSettings = {}): Promise<LoadedModel> {
  const object = Object.hasOwn(OBJECTS, name) ? OBJECTS[name] : undefined;
  if (object) return { model: object.build(), tokenizer: null };
  const { cwd = process.cwd(), progress, onWarning = () => undefined } = settings;
  if (name.endsWith('.json')) {
    const path = resolve(cwd, name);
    const file = readModelFile(path);
    if (resolve(dirname(path), file.model).endsWith('.json')) throw nestedModelFile(path, file.model);
    const base = await loadModel(file.model, { ...settings, cwd: dirname(path) });
    // the folder's own numbers are not those of the model with latents in it
    return { model: withAutoencoders(base.model, name, path, file), tokenizer: base.tokenizer };
  }
  const folder = await folderOf(name, cwd, settings.hub ?? {}, progress);
  const architecture = architectureFor(folder, settings.registry ?? new Registry().use(modelsPlugin));
  const { process: wanted = 'all', shapeOnly = false, positions, keepHalves } = settings;
  const family = shapeOnly ? FAMILIES.find((own) => own.name === architecture.name) : undefined;
  const model = family
    ? folderShape(family, name, folder, wanted, onWarning)
    : await architecture.load({
        ...{ name, folder, process: wanted, onWarning },
        ...(positions === undefined ? {} : { positions }),
        ...(keepHalves === undefined ? {} : { keepHalves }),
        onProgress: (done, total) => progress?.report(done, total, 'tensors'),
      });
  const hasTokenizer = ['tokenizer.json', 'vocab.json'].some((file) => existsSync(join(folder, file)));
  return { model, tokenizer: hasTokenizer ? loadTokenizer(folder) : null, folder };
}

/** Its model would need two sets of latents at once, and a file could name itself. */
const nestedModelFile = (path: string, model: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, key: 'model' },
    where: 'models',
    what: `${path} puts autoencoders into the model of another model file`,
    expected: 'a model by name or folder',
    got: model,
    fix: 'list all autoencoders in one file',
  });

async function folderOf(name: string, cwd: string, hub: HubSettings, progress: Progress | undefined): Promise<string> {
  const shipped = Object.hasOwn(SHIPPED_MODELS, name) ? SHIPPED_MODELS[name] : undefined;
  if (shipped) return fileURLToPath(shipped.folder);
  const folder = resolve(cwd, name);
  if (existsSync(folder)) return resolveModel(folder);
  const named = namedSize(name);
  if (!named && !name.includes('/'))
    throw unknownName('models', 'model', name, [
      'a folder',
      'org/name on the hub', // before the names: of a long list, the beginning is shown
      ...[...knownModels(), ...namedModels()].map((m) => m.name),
    ]);
  if (named?.hub === null)
    throw new AutoCircuitError({
      code: 'weights-not-published',
      fields: { model: named.name },
      where: 'models',
      what: `no safetensors are published for ${named.name}`,
      fix: 'convert its weights to a GPT-2 folder with "attn_only": true in config.json and name the folder',
    });
  return resolveModel(named?.hub ?? name, {
    onProgress: (_file, done, total) => progress?.report(done, total ?? done, 'bytes'),
    ...hub,
  });
}

function architectureFor(folder: string, registry: Registry): Architecture {
  const { model_type: type } = readConfig(folder);
  const known = registry.list('architecture').map(({ item }) => item);
  const found = known.find(({ modelTypes }) => modelTypes.includes(type));
  if (found) return found;
  const reason = Object.hasOwn(UNREAD_MODEL_TYPES, type) ? UNREAD_MODEL_TYPES[type] : undefined;
  if (reason !== undefined)
    throw new AutoCircuitError({
      code: 'unsupported-model',
      fields: { key: 'model_type', name: type },
      where: 'models',
      what: `${join(folder, 'config.json')} says model_type "${type}", ${reason}`,
      fix: 'use a decoder of another family, or load a plugin that brings the architecture',
    });
  throw new AutoCircuitError({
    code: 'unknown-architecture',
    fields: { modelType: type, known: known.flatMap(({ modelTypes }) => modelTypes) },
    where: 'models',
    what: `no architecture reads ${join(folder, 'config.json')}`,
    expected: `a model_type among ${known.flatMap(({ modelTypes }) => modelTypes).join(', ')}`,
    got: `"${type}"`,
    fix: 'load a plugin that brings the architecture',
  });
}
