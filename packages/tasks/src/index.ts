/** @file Tasks: models with their clean and corrupt prompts. One file each; the data lie in `data/`, their generators in the repository's `datasets/`. */
import { definePlugin, type Plugin } from '@auto-circuit/core';
import { ioi, ioiPositions } from './ioi/index.js';
import { ioiMini } from './ioi-mini.js';
import { ioiMiniPositions } from './ioi-mini-positions.js';

/** All tasks of this package, for a registry. */
export const tasksPlugin: Plugin = definePlugin({
  name: '@auto-circuit/tasks',
  contributes: [ioiMini, ioiMiniPositions, ioi, ioiPositions],
});

export * from './ioi/index.js';
export { ioiMini, ioiMiniPositions };
