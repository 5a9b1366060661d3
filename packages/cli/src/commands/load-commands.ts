/** @file Loads the command that is asked for, and no other: the others are known by their lines in the catalog. */
import { Command, Option } from 'commander';
import type { Catalog, CatalogCommand } from '../context/catalog.js';
import type { CliCommand } from '../context/context.js';

/** Commands that look at all others. */
const NEEDS_ALL = ['completion'];
/** Flags of the whole tool that a value follows. */
const WITH_VALUE = ['--plugin', '--config'];

/** The module of a command is named after it: `discover.js` exports `discoverCommand`. */
export async function loadCommand(name: string): Promise<CliCommand> {
  const module = (await import(`./${name}.js`)) as Readonly<Record<string, CliCommand>>;
  return module[`${name}Command`]!;
}

/** The commands that a command line needs, the others as lines of help; all of them without a catalog. */
export async function neededCommands(args: readonly string[], catalog: Catalog | null): Promise<readonly CliCommand[]> {
  const name = commandName(args);
  if (catalog === null || (name !== null && NEEDS_ALL.includes(name))) return allCommands();
  const known = catalog.commands.some((command) => command.name === name);
  const wanted = known ? await loadCommand(name!) : null;
  return catalog.commands.map((command) => (command.name === name ? wanted! : lineOfHelp(command)));
}

/** Every command, loaded. */
export async function allCommands(): Promise<readonly CliCommand[]> {
  return (await import('./all-commands.js')).COMMANDS;
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
      if (hasFlags) command.addOption(new Option('--flags').hideHelp());
      return group === '' ? command : command.helpGroup(group);
    },
    run: () => Promise.reject<number>(new Error(`the command ${name} was not loaded`)),
  };
}
