/** @file `auto-circuit.config.mjs`: the plugins and the defaults of a user's folder. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { unknownName } from '../errors/names.js';
import { checkPlugin } from './check-plugin.js';
import { codeHash } from './code-hash.js';
import type { Plugin } from './contributions.js';
import { findPlugin, importFile } from './load-plugin.js';
import { versionsText } from './plugin-version.js';
import type { Registry } from './registry.js';

/** The name of a folder's config file. */
export const CONFIG_FILE = 'auto-circuit.config.mjs';

/** What a config file exports. */
export interface Config {
  /** Plugins by name, by path (from the config file's folder), or as objects. */
  readonly plugins?: readonly (string | Plugin)[];
  /** Values for flags that the command line does not give, by flag name: `{ backend: 'onnx', threads: 2, batchSize: 8 }`. */
  readonly defaults?: Readonly<Record<string, ConfigValue>>;
}
/** A value that a flag can have. */
export type ConfigValue = string | number | boolean;

/** A config that was found, with nothing missing. */
export interface LoadedConfig extends Required<Config> {
  /** The file, or null when there is none. */
  readonly file: string | null;
}

/** Types a config file: `export default defineConfig({ plugins: ['degree'] })`. */
export const defineConfig = (config: Config): Config => config;

/**
 * Loads the config of a folder, or the file at `path`. A folder without one has an empty config.
 * @throws AutoCircuitError when `path` does not exist, the file fails, or holds something else than a config.
 */
export async function loadConfig(cwd: string, path?: string): Promise<LoadedConfig> {
  const file = path === undefined ? join(cwd, CONFIG_FILE) : resolve(cwd, path);
  if (!existsSync(file)) {
    if (path === undefined) return Object.freeze({ file: null, plugins: [], defaults: {} });
    throw new AutoCircuitError({
      code: 'file-not-found',
      fields: { path: file },
      where: 'config',
      what: `there is no file ${file}`,
      fix: 'check the path',
    });
  }
  const where = `config ${file}`;
  const config = (await importFile(file, where)).default;
  if (!isRecord(config)) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: file },
      where,
      what: 'the default export is not a config',
      fix: 'write: export default { plugins: [...], defaults: {...} }',
    });
  }
  const unknown = Object.keys(config).find((key) => key !== 'plugins' && key !== 'defaults');
  if (unknown !== undefined) throw unknownName(where, 'setting', unknown, ['plugins', 'defaults']);
  const { plugins = [], defaults = {} } = config;
  if (!Array.isArray(plugins))
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: file, key: 'plugins' },
      where,
      what: '"plugins" is not usable',
      expected: 'a list of names, paths or plugin objects',
    });
  for (const plugin of plugins) if (typeof plugin !== 'string') checkPlugin(plugin, where);
  if (!isRecord(defaults))
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: file, key: 'defaults' },
      where,
      what: '"defaults" is not usable',
      expected: 'an object of flag names and values',
    });
  for (const [name, value] of Object.entries(defaults)) {
    if (['string', 'number', 'boolean'].includes(typeof value)) continue;
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path: file, key: `defaults.${name}` },
      where,
      what: `the default "${name}" is not usable`,
      expected: 'a text, a number, true or false',
    });
  }
  return Object.freeze({
    file,
    plugins: plugins as (string | Plugin)[],
    defaults: defaults as Record<string, ConfigValue>,
  });
}

/**
 * Puts a config's plugins, then those named by the caller, into a registry.
 * Relative paths of the config start at its own folder, those of the caller at `cwd`.
 */
export async function usePlugins(
  registry: Registry,
  config: LoadedConfig,
  named: readonly string[],
  cwd: string,
): Promise<void> {
  const base = config.file === null ? cwd : dirname(config.file);
  for (const plugin of config.plugins) {
    if (typeof plugin === 'string') await useNamed(registry, plugin, base);
    else registry.use(plugin, undefined, config.file === null ? null : await codeHash(config.file));
  }
  for (const spec of named) await useNamed(registry, spec, cwd);
}
async function useNamed(registry: Registry, spec: string, from: string): Promise<void> {
  const { plugin, file, versions } = await findPlugin(spec, from);
  registry.use(plugin, spec, await codeHash(file), versionsText(versions), file);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
