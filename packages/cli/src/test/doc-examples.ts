/**
 * @file The examples in Markdown that tests run. A comment on the line before a fenced block says what it is:
 * `<!-- run -->` command lines, `<!-- file: NAME -->` a file that they need, `<!-- example: PATH -->` the same text as
 * that file of the repository, but for its head comment.
 */

/** One fenced block. */
export interface DocExample {
  readonly kind: 'run' | 'file' | 'example';
  /** The file's name; empty for `run`. */
  readonly name: string;
  readonly text: string;
}

const MARKED = /^<!-- (run|file|example)(?:: (\S+))? -->\n```\w*\n(.*?)^```$/gms;

/** The marked blocks of a page, in their order. */
export function docExamples(markdown: string): DocExample[] {
  return [...markdown.replaceAll('\r\n', '\n').matchAll(MARKED)].map(([, kind, name = '', text]) => ({
    kind: kind as DocExample['kind'],
    name,
    text: text!,
  }));
}

/**
 * What Node.js has to be given for each line: `npx auto-circuit …` (the program is at `main`) or `node …`. Quotes are taken
 * off, `\` joins lines, `#` begins a remark.
 */
export function nodeArguments(text: string, main: string): string[][] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  return lines
    .map((line) => [...line.matchAll(/"([^"]*)"|'([^']*)'|(#.*)|(\S+)/g)])
    .map((words) => words.filter(([, , , remark]) => remark === undefined))
    .map((words) => words.map(([, double, single, , bare]) => double ?? single ?? bare!))
    .filter((words) => words.length > 0)
    .map((words) => {
      if (words[0] === 'npx' && words[1] === 'auto-circuit') return [main, ...words.slice(2)];
      if (words[0] === 'node') return words.slice(1);
      throw new Error(`an example that is neither auto-circuit nor node: ${words.join(' ')}`);
    });
}
