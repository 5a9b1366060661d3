/** @file Advice for the cells of an experiment: what is a flag of `discover` is a key of the experiment file. */
import { RUN_SETTINGS } from '../run/run-flags.js';
import type { FlagWords } from '../terminal/flag-words.js';

/** Flags of the command line of `experiment`, which are over the file. */
const OWN_FLAGS: ReadonlySet<string> = new Set(
  ['threads', 'memory', 'workers', 'out', 'resume', 'overwrite', 'plugin', 'config', 'debug'].map(
    (name) => `--${name}`,
  ),
);
/** Keys of the file that are no settings. */
const KEYS: Readonly<Record<string, string>> = {
  '--task': '"task"',
  '--data': '"data"',
  '--model': '"model"',
  '--algo': '"algo"',
  '--metric': '"metrics"',
  '--seed': '"seeds"',
};

/** `--batch-size` → `"batchSize"`, `--algo.steps` → `"steps"` of the algorithm's options, `--no-process` → `"process": false`. */
export const SETTING_WORDS: FlagWords = (flag) => {
  if (OWN_FLAGS.has(flag)) return flag;
  if (Object.hasOwn(KEYS, flag)) return KEYS[flag]!;
  const [prefix, option] = flag.slice(2).split('.').map(camelCase) as [string, string?];
  if (option !== undefined) return prefix === 'algo' ? `the option "${option}"` : null;
  if (Object.hasOwn(RUN_SETTINGS, prefix)) return `"${prefix}"`;
  const opposite = Object.entries(RUN_SETTINGS).find(([, spec]) => 'opposite' in spec && `--${spec.opposite}` === flag);
  return opposite ? `"${opposite[0]}": false` : null;
};

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
