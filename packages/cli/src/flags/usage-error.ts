/** @file commander's complaints in our words: one sentence that names the nearest flag or command. */
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { Command, CommanderError } from 'commander';

/** Help and version are no errors: null for them. */
export function usageError(command: Command, error: CommanderError): AutoCircuitError | null {
  const where = command.parent ? command.name() : 'auto-circuit';
  const named = /'([^']+)'/.exec(error.message)?.[1] ?? '';
  const help = `see: auto-circuit ${command.parent ? `${command.name()} ` : ''}--help`;
  const sentences: Readonly<Record<string, () => AutoCircuitError>> = {
    'commander.unknownOption': () => {
      const flag = named.split('=')[0]!;
      const known = longFlags(command);
      return flag !== named && known.includes(flag)
        ? takesNoValue(where, flag, help)
        : unknownName(where, 'flag', flag, known);
    },
    'commander.unknownCommand': () =>
      unknownName(
        where,
        'command',
        named,
        command.commands.map((sub) => sub.name()),
      ),
    'commander.optionMissingArgument': () =>
      new AutoCircuitError({
        code: 'usage',
        fields: { option: named.split(' ')[0] },
        where,
        what: `${named.split(' ')[0]} needs a value`,
        expected: named,
        fix: help,
      }),
    'commander.missingArgument': () =>
      new AutoCircuitError({
        code: 'usage',
        fields: { argument: named.toUpperCase() },
        where,
        what: `the argument ${named.toUpperCase()} is missing`,
        fix: help,
      }),
    'commander.excessArguments': () =>
      new AutoCircuitError({
        code: 'usage',
        fields: { arguments: command.args },
        where,
        what: 'too many arguments',
        expected: `${command.registeredArguments.length}`,
        got: `${command.args.length} (${command.args.join(' ')})`,
        fix: help,
      }),
  };
  // What commander does where no command is named, or `help` names none that there is: help, as an error.
  if (error.code === 'commander.help' && error.exitCode !== 0) return noCommand(command, where, help);
  if (HELP_CODES.has(error.code)) return null;
  const sentence = sentences[error.code];
  if (sentence) return sentence();
  return new AutoCircuitError({
    code: 'usage',
    where,
    what: error.message.replace(/^error: /, ''),
    fix: help,
    cause: error,
  });
}

const takesNoValue = (where: string, flag: string, fix: string): AutoCircuitError =>
  new AutoCircuitError({ code: 'usage', fields: { option: flag }, where, what: `${flag} takes no value`, fix });

function noCommand(command: Command, where: string, help: string): AutoCircuitError {
  const known = command.commands.map((sub) => sub.name());
  const [word, named] = command.args;
  if (word === 'help' && named !== undefined) return unknownName(where, 'command', named, known);
  return new AutoCircuitError({
    code: 'usage',
    fields: { argument: 'COMMAND' },
    where,
    what: 'no command is named',
    expected: `one of ${known.join(', ')}`,
    fix: help,
  });
}

const HELP_CODES: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

function longFlags(command: Command): string[] {
  const own = command.options.map(({ long }) => long).filter((long) => long !== undefined && long !== null);
  return command.parent ? [...own, ...longFlags(command.parent)] : [...own, '--help'];
}
