/** @file How this program was called, so that commands in sentences can be typed as they stand. */

type Env = Readonly<Record<string, string | undefined>>;

/** `npx auto-circuit` where npx started it, which installs nothing on the path. */
export const programName = (env: Env): string => (env.npm_command === 'exec' ? 'npx auto-circuit' : 'auto-circuit');

/** A command in a text: the program's name and one of these. Formats of files begin with the program's name, too. */
const COMMAND =
  /(?<![\w@/.-]|npx )auto-circuit (?=(?:discover|compare|experiment|evaluate|query|clusters|stability|verify|report|view|list|patch|logits|model|validate|dataset|latents|convert|cache|plan|run-shard|status|collect|submit|worker|doctor|completion|help|COMMAND|\[options\])\b|\[|--)/g;

/** A text whose commands are written as this program was called. */
export const asTyped = (text: string, env: Env): string => text.replace(COMMAND, `${programName(env)} `);
