/** @file The command: flags first, questions for what they leave open, then the files and what to do next. */
import { basename, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { filesOf } from './files.js';
import { KIND_NAMES, KINDS, type Kind } from './kinds.js';
import { type CreateRequest, kindOf, nameOf, packageName, UsageError } from './request.js';
import { writeAll } from './write.js';

const HELP = `npm create auto-circuit [FOLDER] -- [--kind KIND] [--name NAME]

Begins a plugin or a study in a new folder, in TypeScript, with tests that pass.

  FOLDER        default: the name of the package
  --kind KIND   ${KIND_NAMES.map((kind) => `${kind}: ${KINDS[kind].hint}`).join('\n                ')}
  --name NAME   of what it contributes, in kebab-case
  --help        this text

Asks for what is left out, where there is a terminal.
`;

/** Asks for the kind and the name; null where the user gives up. */
export interface Asker {
  kind(): Promise<Kind | null>;
  name(kind: Kind): Promise<string | null>;
}
/** Where a command line runs. */
export interface Surroundings {
  readonly cwd: string;
  /** null: there is nobody to ask. */
  readonly ask: Asker | null;
  readonly say: (text: string) => void;
}

/**
 * Runs one command line.
 * @returns what was begun; null where there was only a question about it, or the user gave up
 * @throws UsageError for a command line that makes no sense; then nothing was written
 */
export async function create(args: readonly string[], { cwd, ask, say }: Surroundings): Promise<CreateRequest | null> {
  const { values, positionals } = parsed(args);
  if (values.help) {
    say(HELP);
    return null;
  }
  const [path, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`expected one folder, got ${positionals.join(', ')}`);
  const kind = values.kind === undefined ? await (ask ?? nobody('--kind')).kind() : kindOf(values.kind);
  if (kind === null) return null;
  const fromFolder = path === undefined ? undefined : basename(resolve(cwd, path)).replace(/^auto-circuit-plugin-/, '');
  const asked = values.name ?? fromFolder ?? (await (ask ?? nobody('--name')).name(kind));
  if (asked === null) return null;
  const name = nameOf(asked);
  const request = { kind, name, folder: resolve(cwd, path ?? packageName({ kind, name })) };
  writeAll(request.folder, filesOf(request));
  const at = relative(cwd, request.folder) || '.';
  say(
    `${packageName(request)} is in ${at}. Next:\n\n  cd ${at}\n  npm install\n  npm test\n\nREADME.md says how to run it.\n`,
  );
  return request;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { kind: { type: 'string' }, name: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}; --help lists what there is`, {
      cause,
    });
  }
}

function nobody(flag: string): never {
  throw new UsageError(
    `there is no terminal to ask on: give ${flag} (npm create auto-circuit FOLDER -- ${flag} …); --help lists what there is`,
  );
}
