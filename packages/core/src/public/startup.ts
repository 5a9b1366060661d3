/**
 * @file What a command line needs before it knows what to do: errors, option values, the config file, the names of
 * ablations and objectives. It loads in a few milliseconds.
 */

export { MOST_THREADS } from '../backend/backend-checks.js';
export { ERROR_CODES, type ErrorCode } from '../errors/codes.js';
export { AutoCircuitError, type ErrorKind, type ErrorParts, EXIT_CODES, errorSentence } from '../errors/error.js';
export { unknownName } from '../errors/names.js';
export { shortText, visibleText } from '../errors/shown-text.js';
export { RANKINGS, type RankBy, SELECTIONS, type SelectionName } from '../graph/edge-ranking-names.js';
export { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
export { ABLATIONS, type AblationName } from '../patch/requests/ablations.js';
export {
  CONFIG_FILE,
  type Config,
  type ConfigValue,
  defineConfig,
  type LoadedConfig,
  loadConfig,
  usePlugins,
} from '../plugin/config.js';
export {
  expectedText,
  kebabCase,
  optionDefaults,
  optionName,
  parseOptions,
  parseOptionValue,
  type ValueRule,
} from '../plugin/option-values.js';
export { PROMPT_SCORE_DTYPES, type PromptScoreDType } from '../plugin/prompt-scores.js';
export { Registry } from '../plugin/registry.js';
export { OUTPUT_POSITIONS, type OutputPositions } from '../prompts/output-positions.js';
