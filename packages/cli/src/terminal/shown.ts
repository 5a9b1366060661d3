/**
 * @file What text is before it reaches a terminal: names of models, tokens and values of configs come from outside, and may hold
 * what moves the cursor; addresses and variables may hold secrets.
 */
import { visibleText } from '@auto-circuit/core/startup';

type Env = Readonly<Record<string, string | undefined>>;

/** The colours and weights that picocolors writes; hidden text (8) is not among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences start with the escape character
const COLOUR = /(\u001b\[(?:[0-479]|2[234679]|[34]\d|9[0-7]|10[0-7])m)/;

/** Text for a terminal: our own colours stay where there are any; everything else that a terminal acts on is written out. */
export function shownText(text: string, coloured: boolean): string {
  if (!coloured) return visibleText(text);
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : visibleText(part)))
    .join('');
}

/** Shorter ones are no secrets, and might be anywhere. */
const SHORTEST_SECRET = 6;
const MASK = '…';

/** The secrets that the environment holds, and what stands for each. */
function secretsOf(env: Env): readonly string[] {
  const { HF_TOKEN = '', HF_ENDPOINT = '' } = env;
  const url = URL.canParse(HF_ENDPOINT) ? new URL(HF_ENDPOINT) : null;
  const inAddress = url === null ? [] : [url.password, decoded(url.password), url.username, url.search.slice(1)];
  const values = [...(url?.searchParams.values() ?? [])];
  return [...HF_TOKEN.split(/\s+/), ...inAddress, ...values]
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The text without the secrets of the environment. */
export function withoutSecrets(text: string, env: Env): string {
  return secretsOf(env).reduce((all, secret) => all.replaceAll(secret, MASK), text);
}

/** The same, and without what looks like one: names and passwords in addresses, tokens of the hub. For sentences, not for data. */
export const withoutLikelySecrets = (text: string, env: Env): string =>
  withoutSecrets(text, env)
    .replace(/(:\/\/)[^\s/@"'\\]*@/g, `$1${MASK}@`)
    .replace(/\bhf_[A-Za-z0-9]{8,}/g, `hf_${MASK}`);
