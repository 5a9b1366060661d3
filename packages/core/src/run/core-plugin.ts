/** @file What core itself contributes: the interpreter as a backend, and the built-in objectives, selections, ablations and executor. */
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { defineBackend } from '../plugin/backend-definition.js';
import { definePlugin } from '../plugin/contributions.js';
import { BUILT_IN_OBJECTIVES } from '../plugin/objective.js';
import { BUILT_IN_SELECTIONS } from '../plugin/selection.js';
import { stableSelection } from '../plugin/stable-selection.js';
import { BUILT_IN_ABLATIONS } from './ablations.js';
import { localExecutor } from './local-executor.js';

/** The plugin of core itself, for a registry. */
export const corePlugin = definePlugin({
  name: 'core',
  contributes: [
    defineBackend({
      name: 'interpreter',
      doc: 'plain and slow, in float64 by default: defines what programs mean; for small models and checks',
      options: {
        precision: {
          type: 'enum',
          values: ['float64', 'float32'],
          default: 'float64',
          doc: 'float32 rounds every result',
        },
      },
      create: async (settings, { precision }) => interpreterBackend({ ...settings, precision }),
      probe: async () => [{ what: 'interpreter', ok: true, detail: 'built in, 1 thread' }],
    }),
    ...BUILT_IN_OBJECTIVES,
    ...BUILT_IN_SELECTIONS,
    stableSelection,
    ...BUILT_IN_ABLATIONS,
    localExecutor,
  ],
});
