/**
 * @file What a command line needs before it knows what to do: errors, option values, the config file, the names of
 * ablations and objectives. All of it is in the main entry too; this one loads in a few milliseconds.
 */

export * from '../errors/error.js';
export { SELECTIONS, type SelectionName } from '../graph/edge-ranking-names.js';
export { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
export { ABLATIONS, type AblationName } from '../patch/requests/ablations.js';
export * from '../plugin/config.js';
export * from '../plugin/option-values.js';
export * from '../plugin/registry.js';
export { OUTPUT_POSITIONS, type OutputPositions } from '../prompts/output-positions.js';
