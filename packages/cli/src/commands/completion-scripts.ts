/** @file Completion scripts of the three shells, from what is to be completed. */

/** A flag, and what it takes. */
export interface CompletedFlag {
  readonly flag: string;
  readonly doc: string;
  readonly takesValue: boolean;
  /** What may be said; empty where it is anything, such as a file. */
  readonly values: readonly string[];
}
/** A command with its flags. */
export interface CompletedCommand {
  readonly name: string;
  readonly doc: string;
  readonly flags: readonly CompletedFlag[];
  /** What may stand as its first argument; empty where that is anything. */
  readonly arguments: readonly string[];
}

/** By the shell's name. */
export const SHELLS: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = { bash, zsh, fish };

/** Of a list with commas the last entry is completed; `--flag=value` is told apart by `=` being a word of its own. */
function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.flatMap(({ name, flags, arguments: words }) => [
    `    ${name})`,
    `      words="${flags.map(({ flag }) => flag).join(' ')}"`,
    ...(words.length > 0 ? [`      arguments="${words.join(' ')}"`] : []),
    '      case "$flag" in',
    ...byValues(flags).map(([values, own]) => `        ${own.join('|')}) values="${values}" ;;`),
    '      esac ;;',
  ]);
  return `# bash completion for auto-circuit
_auto_circuit() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" values="" arguments=""
  local flag="\${COMP_WORDS[COMP_CWORD-1]}"
  if [ "$flag" = "=" ]; then flag="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  if [ "$current" = "=" ]; then current=""; flag="\${COMP_WORDS[COMP_CWORD-1]}"; fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help --help --version" -- "$current"))
  elif [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [ -n "$values" ]; then
    local before=""
    if [[ "$current" == *,* ]]; then before="\${current%,*},"; fi
    COMPREPLY=($(compgen -P "$before" -W "$values" -- "\${current##*,}"))
  elif [ -n "$arguments" ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$arguments" -- "$current"))
  fi
}
complete -o default -F _auto_circuit auto-circuit`;
}

/** Flags by what they take: one line for all that take the same. */
function byValues(flags: readonly CompletedFlag[]): (readonly [values: string, flags: readonly string[]])[] {
  const groups = new Map<string, string[]>();
  for (const { flag, values } of flags) {
    if (values.length === 0) continue;
    const text = values.join(' ');
    groups.set(text, [...(groups.get(text) ?? []), flag]);
  }
  return [...groups];
}

function zsh(commands: readonly CompletedCommand[]): string {
  const quote = (text: string): string => text.replace(/'/g, '’').replace(/[[\]:]/g, '\\$&');
  const names = commands.map(({ name, doc }) => `    '${name}:${quote(doc)}'`);
  const valueSpec = ({ takesValue, values }: CompletedFlag): string =>
    values.length > 0 ? `:value:(${values.join(' ')})` : takesValue ? ':value:_files' : '';
  const cases = commands.map(({ name, flags, arguments: words }) => {
    const specs = flags.map((own) => `'${own.flag}[${quote(own.doc)}]${valueSpec(own)}'`);
    const first = words.length > 0 ? `'1:what:(${words.join(' ')})' ` : '';
    return `    ${name}) _arguments ${specs.join(' ')} ${first}'*:file:_files' ;;`;
  });
  return `#compdef auto-circuit
_auto_circuit() {
  local -a commands=(
${names.join('\n')}
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

function fish(commands: readonly CompletedCommand[]): string {
  const quote = (text: string): string => text.replace(/[\\']/g, '\\$&');
  const lines = commands.flatMap(({ name, doc, flags, arguments: words }) => {
    const here = `-n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c auto-circuit -n __fish_use_subcommand -f -a ${name} -d '${quote(doc)}'`,
      ...flags.map(({ flag, doc: flagDoc, takesValue, values }) => {
        const value = values.length > 0 ? ` -x -a '${quote(values.join(' '))}'` : takesValue ? ' -r' : '';
        return `complete -c auto-circuit ${here} -l ${flag.slice(2)}${value} -d '${quote(flagDoc)}'`;
      }),
      ...(words.length > 0 ? [`complete -c auto-circuit ${here} -f -a '${words.join(' ')}'`] : []),
    ];
  });
  return ['# fish completion for auto-circuit', ...lines].join('\n');
}
