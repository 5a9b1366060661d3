/** @file The plugin object of this package: the architectures that checkpoints are read for. */
import { defineArchitecture, definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { FAMILIES } from './families/families.js';
import type { Family } from './families/family.js';

const architectureOf = ({ name, doc, modelTypes, load }: Family) =>
  defineArchitecture({
    ...{ name, doc, modelTypes },
    load: ({ name: modelName, folder, process, ...settings }) => load(modelName, folder, process, settings),
  });

/** The architectures of this package, for a registry. */
export const modelsPlugin: Plugin = definePlugin({
  name: '@auto-circuit/models',
  contributes: FAMILIES.map(architectureOf),
});
