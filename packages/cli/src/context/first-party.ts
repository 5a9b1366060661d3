/** @file The plugins that come with the tool. They are imported only when a command needs the registry. */
import type { Plugin, Registry } from '@auto-circuit/core/plugin';

const FIRST_PARTY: Readonly<Record<string, () => Promise<Plugin>>> = {
  '@auto-circuit/core': async () => (await import('@auto-circuit/core')).corePlugin,
  '@auto-circuit/backend-onnx': async () => (await import('@auto-circuit/backend-onnx')).onnxPlugin,
  '@auto-circuit/backend-tfjs': async () => (await import('@auto-circuit/backend-tfjs')).tfjsPlugin,
  '@auto-circuit/models': async () => (await import('@auto-circuit/models')).modelsPlugin,
  '@auto-circuit/prune-algos': async () => (await import('@auto-circuit/prune-algos')).pruneAlgosPlugin,
  '@auto-circuit/metrics': async () => (await import('@auto-circuit/metrics')).metricsPlugin,
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

/** The exports of the packages that bring backends. Their modules can be loaded again in a worker; a plugin object cannot. */
const BACKEND_PLUGINS = {
  '@auto-circuit/core': 'corePlugin' satisfies keyof typeof import('@auto-circuit/core'),
  '@auto-circuit/backend-onnx': 'default' satisfies keyof typeof import('@auto-circuit/backend-onnx'),
  '@auto-circuit/backend-tfjs': 'default' satisfies keyof typeof import('@auto-circuit/backend-tfjs'),
} as const;

/** Where a worker finds the plugin of a package; null for what is not one of the backends that come with the tool. */
export function workerPlugin(origin: string): { readonly module: string; readonly exportName: string } | null {
  if (!Object.hasOwn(BACKEND_PLUGINS, origin)) return null;
  const exportName = BACKEND_PLUGINS[origin as keyof typeof BACKEND_PLUGINS];
  return { module: import.meta.resolve(origin), exportName };
}
