/**
 * @file What a plugin contributes, by kind. Plain objects without side effects on import:
 *
 * @example
 * export default definePlugin({ name: 'my-plugin', contributes: [definePruneAlgo({ name: 'mine', doc: '…', options: {}, score })] });
 */
import type { AblationDefinition } from './ablation.js';
import type { Architecture } from './architecture.js';
import type { BackendDefinition } from './backend-definition.js';
import type { ExecutorDefinition } from './executor.js';
import type { Metric } from './metric.js';
import type { ObjectiveDefinition } from './objective.js';
import type { PruneAlgo } from './prune-algo.js';
import type { ScoreMetric } from './score-metric.js';
import type { SelectionDefinition } from './selection.js';
import type { Task } from './task.js';

/** The version of the plugin interface; a plugin of another one is refused. */
export const PLUGIN_API_VERSION = 1;

/** What can be contributed, by kind. */
export interface ContributionMap {
  'prune-algo': PruneAlgo;
  metric: Metric;
  'score-metric': ScoreMetric;
  objective: ObjectiveDefinition;
  selection: SelectionDefinition;
  ablation: AblationDefinition;
  task: Task;
  architecture: Architecture;
  backend: BackendDefinition;
  executor: ExecutorDefinition;
}
/** A kind of contribution. */
export type ContributionKind = keyof ContributionMap;
/** Anything that a plugin contributes. */
export type Contribution = ContributionMap[ContributionKind];

/** The default export of a plugin's package or file. */
export interface Plugin {
  readonly apiVersion: number;
  readonly name: string;
  readonly contributes: readonly Contribution[];
}

/** A plugin for this version of the interface. */
export const definePlugin = (plugin: Omit<Plugin, 'apiVersion'>): Plugin =>
  Object.freeze({ apiVersion: PLUGIN_API_VERSION, ...plugin });
