/** @file What is begun: checked names, and a refusal in a sentence for those that cannot be used. */
import { KIND_NAMES, KINDS, type Kind } from './kinds.js';

/** A request that makes no sense; `message` says what was expected and what was got. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What is begun, and where. */
export interface CreateRequest {
  readonly kind: Kind;
  /** In kebab-case: the name of the contribution. */
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
}

/** @throws UsageError for anything but a kind */
export function kindOf(text: string): Kind {
  if ((KIND_NAMES as readonly string[]).includes(text)) return text as Kind;
  throw new UsageError(`unknown kind "${text}": expected one of ${KIND_NAMES.join(', ')}`);
}

/** Why a name cannot be used; undefined where it can. */
export function nameProblem(name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    return `the name "${name}" is not usable: expected kebab-case, such as edge-norm`;
  if (name.startsWith('auto-circuit')) return `the name "${name}" is not usable: leave "auto-circuit-plugin-" out`;
  return name.length > 60 ? `the name "${name}" is not usable: expected at most 60 characters` : undefined;
}

/** @throws UsageError for a name that is not in kebab-case */
export function nameOf(text: string): string {
  const problem = nameProblem(text);
  if (problem) throw new UsageError(problem);
  return text;
}

/** The package's name. */
export const packageName = ({ kind, name }: Pick<CreateRequest, 'kind' | 'name'>): string =>
  `${KINDS[kind].prefix}${name}`;

/** `edge-norm` → `edgeNorm`, led by `the` where that is a word of the language. */
export function variableName(name: string): string {
  const camel = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return RESERVED.has(camel) ? `the${camel[0]!.toUpperCase()}${camel.slice(1)}` : camel;
}
/** Words that no exported constant of a module may have, and those that the templates use themselves. */
const RESERVED: ReadonlySet<string> = new Set(
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let model new null package private protected public return static super switch this throw true try typeof undefined var void while with yield'.split(
    ' ',
  ),
);
