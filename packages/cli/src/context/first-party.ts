/** @file The plugins that come with the tool. They are imported only when a command needs the registry. */
import { pathToFileURL } from 'node:url';
import type { Plugin, Registered, Registry } from '@auto-circuit/core/plugin';
import type { WorkerBackend } from '@auto-circuit/workers';

const FIRST_PARTY: Readonly<Record<string, () => Promise<Plugin>>> = {
  '@auto-circuit/core': async () => (await import('@auto-circuit/core')).corePlugin,
  '@auto-circuit/backend-onnx': async () => (await import('@auto-circuit/backend-onnx')).onnxPlugin,
  '@auto-circuit/backend-tfjs': async () => (await import('@auto-circuit/backend-tfjs')).tfjsPlugin,
  '@auto-circuit/models': async () => (await import('@auto-circuit/models')).modelsPlugin,
  '@auto-circuit/prune-algos': async () => (await import('@auto-circuit/prune-algos')).pruneAlgosPlugin,
  '@auto-circuit/metrics': async () => (await import('@auto-circuit/metrics')).metricsPlugin,
  '@auto-circuit/selections': async () => (await import('@auto-circuit/selections')).selectionsPlugin,
  '@auto-circuit/tasks': async () => (await import('@auto-circuit/tasks')).tasksPlugin,
};

/** The packages that come with the tool. */
export const FIRST_PARTY_NAMES: readonly string[] = Object.keys(FIRST_PARTY);

/** Puts all of them into a registry. */
export async function useFirstPartyPlugins(registry: Registry): Promise<Registry> {
  const plugins = await Promise.all(
    Object.entries(FIRST_PARTY).map(async ([from, load]) => ({ from, plugin: await load() })),
  );
  for (const { from, plugin } of plugins) registry.use(plugin, from);
  return registry;
}

/** Names that mean something else already where a plugin's would be looked up: it would hide them, or be hidden by them. */
export async function reserveNames(registry: Registry): Promise<void> {
  const { PRESETS } = await import('@auto-circuit/prune-algos');
  for (const { name } of PRESETS) registry.reserve('prune-algo', name, 'a preset (see "list presets")');
  for (const name of CURVE_NUMBER_NAMES) {
    for (const kind of ['metric', 'score-metric'] as const)
      registry.reserve(kind, name, 'a number of a whole run, for evaluate');
  }
}

/** Numbers of a whole run that `--metric` of `evaluate` takes, beside metrics. */
export const CURVE_NUMBER_NAMES = ['cpr', 'cmd', 'area', 'auc', 'roc'] as const;

/** The exports of the packages that bring backends. Their modules can be loaded again in a worker. */
const BACKEND_PLUGINS = {
  '@auto-circuit/core': 'corePlugin' satisfies keyof typeof import('@auto-circuit/core'),
  '@auto-circuit/backend-onnx': 'default' satisfies keyof typeof import('@auto-circuit/backend-onnx'),
  '@auto-circuit/backend-tfjs': 'default' satisfies keyof typeof import('@auto-circuit/backend-tfjs'),
} as const;

/** Where a worker finds a plugin: a package that comes with the tool, or the file of an outside one; null for an object of the config file. */
export function workerPlugin({
  origin,
  file,
}: Pick<Registered, 'origin' | 'file'>): Pick<WorkerBackend, 'module' | 'exportName' | 'outside'> | null {
  if (file !== null) return { module: pathToFileURL(file).href, exportName: 'default', outside: origin };
  if (!Object.hasOwn(BACKEND_PLUGINS, origin)) return null;
  const exportName = BACKEND_PLUGINS[origin as keyof typeof BACKEND_PLUGINS];
  return { module: import.meta.resolve(origin), exportName };
}
