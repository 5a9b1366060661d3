/** @file What prompts say that is likely not meant: gathered over a file, told in one sentence each. */

interface Found {
  readonly first: string;
  readonly prompts: Set<number>;
}
/** What may be found. */
type Finding = 'unknown-word' | 'no-space' | 'own-bos';

const SENTENCES: Readonly<Record<Finding, (prompts: string, verb: string, first: string) => string>> = {
  'unknown-word': (prompts, verb, first) =>
    `${prompts} ${verb} words that the tokenizer does not know, such as ${first}: the model cannot tell them from other such words`,
  'no-space': (prompts, verb, first) => `${prompts} ${verb} an answer without a space before it, such as ${first}`,
  'own-bos': (prompts, _, first) =>
    `${prompts} begin${prompts.startsWith('1 ') ? 's' : ''} with ${first} already, so no second BOS is added`,
};

/** Warnings about the prompts of a file. */
export class PromptWarnings {
  readonly #found = new Map<Finding, Found>();

  readonly #path: string;

  /** @param path the file, as it is called in sentences */
  constructor(path: string) {
    this.#path = path;
  }

  /** @param what the place and the word, as in `"Zyx" of prompt 3 (clean)` */
  add(finding: Finding, prompt: number, what: string): void {
    const found = this.#found.get(finding) ?? { first: what, prompts: new Set<number>() };
    this.#found.set(finding, found);
    found.prompts.add(prompt);
  }

  /** One sentence for each kind. */
  sentences(): readonly string[] {
    return [...this.#found].map(([finding, { first, prompts }]) => {
      const one = prompts.size === 1;
      return `${this.#path}: ${SENTENCES[finding](`${prompts.size} prompt${one ? '' : 's'}`, one ? 'has' : 'have', first)}`;
    });
  }
}
