/** @file `auto-circuit completion SHELL`: a completion script, made from the tree of commands itself. */
import { unknownName } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';

/** A command's name, its doc, and its flags with theirs. */
interface Entry {
  readonly name: string;
  readonly doc: string;
  readonly flags: readonly { readonly flag: string; readonly doc: string; readonly takesValue: boolean }[];
}

const SHELLS: Readonly<Record<string, (entries: readonly Entry[]) => string>> = { bash, zsh, fish };

/** `auto-circuit completion`. */
export const completionCommand: CliCommand = {
  build: () =>
    new Command('completion')
      .description('A completion script for bash, zsh or fish')
      .argument('<shell>', `one of ${Object.keys(SHELLS).join(', ')}`)
      .addHelpText('after', '\nExample:\n  $ auto-circuit completion bash >> ~/.bashrc'),
  async run(cli, command) {
    const [shell] = command.processedArgs as [string];
    if (!Object.hasOwn(SHELLS, shell)) throw unknownName('completion', 'shell', shell, Object.keys(SHELLS));
    const script = SHELLS[shell]!(entriesOf(command.parent ?? command));
    if (cli.output.jsonOnly) cli.output.json({ shell, script });
    else cli.output.line(script);
  },
};

function entriesOf(program: Command): Entry[] {
  const globals = flagsOf(program);
  return program.commands.map((command) => ({
    name: command.name(),
    doc: command.description(),
    flags: [...flagsOf(command), ...globals, { flag: '--help', doc: 'help', takesValue: false }],
  }));
}

/** `--algo.OPTION` stands for many flags and is left out. */
function flagsOf(command: Command): Entry['flags'] {
  return command.options
    .filter(({ long }) => long && !long.endsWith('.OPTION'))
    .map((option) => ({ flag: option.long!, doc: option.description, takesValue: option.required || option.optional }));
}

function bash(entries: readonly Entry[]): string {
  const cases = entries.map(({ name, flags }) => `    ${name}) words="${flags.map(({ flag }) => flag).join(' ')}" ;;`);
  return `# bash completion for auto-circuit
_auto_circuit() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${entries.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
  elif [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o default -F _auto_circuit auto-circuit`;
}

function zsh(entries: readonly Entry[]): string {
  const quote = (text: string): string => text.replace(/'/g, '’').replace(/[[\]:]/g, '\\$&');
  const commands = entries.map(({ name, doc }) => `    '${name}:${quote(doc)}'`);
  const cases = entries.map(({ name, flags }) => {
    const specs = flags.map(
      ({ flag, doc, takesValue }) => `'${flag}[${quote(doc)}]${takesValue ? ':value:_files' : ''}'`,
    );
    return `    ${name}) _arguments ${specs.join(' ')} '*:file:_files' ;;`;
  });
  return `#compdef auto-circuit
_auto_circuit() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local chosen=$words[2]
  shift words
  (( CURRENT-- ))
  case $chosen in
${cases.join('\n')}
  esac
}
compdef _auto_circuit auto-circuit`;
}

function fish(entries: readonly Entry[]): string {
  const quote = (text: string): string => text.replace(/[\\']/g, '\\$&');
  const lines = entries.flatMap(({ name, doc, flags }) => [
    `complete -c auto-circuit -n __fish_use_subcommand -f -a ${name} -d '${quote(doc)}'`,
    ...flags.map(({ flag, doc: flagDoc, takesValue }) => {
      const value = takesValue ? ' -r' : '';
      return `complete -c auto-circuit -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${value} -d '${quote(flagDoc)}'`;
    }),
  ]);
  return ['# fish completion for auto-circuit', ...lines].join('\n');
}
