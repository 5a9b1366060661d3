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

export const FIRST_PARTY_NAMES: readonly string[] = Object.keys(FIRST_PARTY);

/** One of them alone. `name` is one of `FIRST_PARTY_NAMES`. */
export async function useFirstPartyPlugin(registry: Registry, name: string): Promise<Registry> {
  return registry.use(await FIRST_PARTY[name]!(), name);
}

export async function useFirstPartyPlugins(registry: Registry): Promise<Registry> {
  const plugins = await Promise.all(
    Object.entries(FIRST_PARTY).map(async ([from, load]) => ({ from, plugin: await load() })),
  );
  for (const { from, plugin } of plugins) registry.use(plugin, from);
  return registry;
}
