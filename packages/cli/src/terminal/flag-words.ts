/** @file Flags in sentences: which ones a command takes, so that nobody is told to use one that is not there. */
import type { Command } from 'commander';

/**
 * How a flag is written for a reader: `--length`, or `"length"` in an experiment file; null where the reader has none such.
 * @param command the command that is to be given it, where it is not the reader's own
 */
export type FlagWords = (flag: string, command?: string) => string | null;

/** For a reader who is not known: every flag, as it is. */
export const ANY_FLAG: FlagWords = (flag) => flag;

/** The only flag, hidden, of a command that is not loaded: which ones it has is not known. */
export const NOT_LOADED = '--flags';

const FLAG = /(?<=^|[\s("])--[a-z][a-z-]*(?:\.[a-z][a-z-]*)?/g;

/** The flags that a text names. */
export const flagsIn = (text: string): string[] => [...text.matchAll(FLAG)].map(([flag]) => flag);

/** A text with its flags as they are written for a reader. */
export const inWords = (text: string, words: FlagWords): string =>
  words === ANY_FLAG ? text : text.replace(FLAG, (flag) => words(flag) ?? flag);

/** Flags of one command, with those of the program. */
export function flagsOfCommand(command: Command): FlagWords {
  const program = command.parent ?? command;
  const own = longFlags(command);
  return (flag, other) => {
    const named = other === undefined ? undefined : program.commands.find((one) => one.name() === other);
    if (named && longFlags(named).has(NOT_LOADED)) return flag;
    return takes(named ? longFlags(named) : own, flag) ? flag : null;
  };
}

const takes = (flags: ReadonlySet<string>, flag: string): boolean =>
  flags.has(flag.includes('.') ? flag.replace(/\..*$/, '.OPTION') : flag);

function longFlags(command: Command): ReadonlySet<string> {
  const all = [...command.options, ...(command.parent?.options ?? [])];
  return new Set([...all.flatMap(({ long }) => long ?? []), '--help']);
}
