/** @file The plugin object of this package: the architectures that checkpoints are read for. */
import { defineArchitecture, definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { loadWeights } from './checkpoint/weight-cache.js';
import { FAMILIES, type Family } from './families/families.js';

const architectureOf = ({ name, doc, recipe, build }: Family) =>
  defineArchitecture({
    name,
    doc,
    modelTypes: recipe.modelTypes,
    async load({ name: modelName, folder, process, onWarning, onProgress }) {
      const loaded = await loadWeights(folder, recipe, process, { onWarning, ...(onProgress ? { onProgress } : {}) });
      return build(modelName, loaded, loaded.store);
    },
  });

export const modelsPlugin: Plugin = definePlugin({
  name: '@auto-circuit/models',
  contributes: FAMILIES.map(architectureOf),
});
