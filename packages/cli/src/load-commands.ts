/** @file Loads the command that is asked for, and no other: the others are known by their lines in the catalog. */
import { Command, Option } from 'commander';
import type { Catalog, CatalogCommand } from './context/catalog.js';
import type { CliCommand } from './context/context.js';
import { NOT_LOADED } from './terminal/flag-words.js';

/** Commands that look at all others. */
const NEEDS_ALL = ['completion'];
/** Flags of the whole tool that a value follows. */
const WITH_VALUE = ['--plugin', '--config'];

/** Where each command is. One that is missing here is found among all. */
export const COMMAND_MODULES: Readonly<Record<string, () => Promise<CliCommand>>> = {
  discover: async () => (await import('./commands/discover.js')).discoverCommand,
  compare: async () => (await import('./commands/compare.js')).compareCommand,
  experiment: async () => (await import('./commands/experiment.js')).experimentCommand,
  plan: async () => (await import('./commands/plan.js')).planCommand,
  'run-shard': async () => (await import('./commands/run-shard.js')).runShardCommand,
  submit: async () => (await import('./commands/submit.js')).submitCommand,
  worker: async () => (await import('./commands/worker.js')).workerCommand,
  status: async () => (await import('./commands/status.js')).statusCommand,
  collect: async () => (await import('./commands/collect.js')).collectCommand,
  evaluate: async () => (await import('./commands/evaluate.js')).evaluateCommand,
  query: async () => (await import('./commands/query.js')).queryCommand,
  clusters: async () => (await import('./commands/clusters.js')).clustersCommand,
  verify: async () => (await import('./commands/verify.js')).verifyCommand,
  stability: async () => (await import('./commands/stability.js')).stabilityCommand,
  report: async () => (await import('./commands/report.js')).reportCommand,
  view: async () => (await import('./commands/view.js')).viewCommand,
  list: async () => (await import('./commands/list.js')).listCommand,
  patch: async () => (await import('./commands/patch.js')).patchCommand,
  logits: async () => (await import('./commands/logits.js')).logitsCommand,
  model: async () => (await import('./commands/model.js')).modelCommand,
  dataset: async () => (await import('./commands/dataset.js')).datasetCommand,
  latents: async () => (await import('./commands/latents.js')).latentsCommand,
  convert: async () => (await import('./commands/convert.js')).convertCommand,
  validate: async () => (await import('./commands/validate.js')).validateCommand,
  cache: async () => (await import('./commands/cache.js')).cacheCommand,
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand,
  completion: async () => (await import('./commands/completion.js')).completionCommand,
};

/** The commands that a command line needs, the others as lines of help; all of them without a catalog. */
export async function neededCommands(args: readonly string[], catalog: Catalog | null): Promise<readonly CliCommand[]> {
  if (catalog === null) return allCommands();
  const name = commandName(args);
  const known = catalog.commands.some((command) => command.name === name);
  if (name === null || !known) return catalog.commands.map(lineOfHelp);
  if (NEEDS_ALL.includes(name) || !Object.hasOwn(COMMAND_MODULES, name)) return allCommands();
  const wanted = await COMMAND_MODULES[name]!();
  return catalog.commands.map((command) => (command.name === name ? wanted : lineOfHelp(command)));
}

/** Every command, loaded. */
export async function allCommands(): Promise<readonly CliCommand[]> {
  return (await import('./commands/all-commands.js')).COMMANDS;
}

/** The word that names the command: the first that is no flag of the whole tool; after `help`, the next. */
function commandName(args: readonly string[]): string | null {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (WITH_VALUE.includes(arg)) i++;
    else if (!arg.startsWith('-') && arg !== 'help') return arg;
  }
  return null;
}

function lineOfHelp({ name, doc, args, hasFlags, group }: CatalogCommand): CliCommand {
  return {
    build: () => {
      const command = new Command(name).description(doc);
      for (const arg of args) command.argument(arg);
      if (hasFlags) command.addOption(new Option(NOT_LOADED).hideHelp());
      return group === '' ? command : command.helpGroup(group);
    },
    run: () => Promise.reject<number>(new Error(`the command ${name} was not loaded`)),
  };
}
