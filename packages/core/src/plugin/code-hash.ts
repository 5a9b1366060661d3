/**
 * @file What stands for a plugin's code in a run: a hash of its files. Scores of code that has changed since are never taken up
 * again, nor shown for those of the new code.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Hexadecimal digits: 64 bits. */
const LENGTH = 16;

/**
 * A hash of a module and of all that it imports by relative paths, however far. Packages that it imports by name do not count:
 * they are versioned by whoever installs them.
 */
export async function codeHash(entry: string): Promise<string> {
  const hash = createHash('sha256');
  for (const { file, bytes } of await modulesFrom(entry)) {
    const name = relative(dirname(entry), file).split(sep).join('/');
    hash.update(JSON.stringify([name, bytes.length])).update(bytes);
  }
  return hash.digest('hex').slice(0, LENGTH);
}

/** What a module and all that it imports by relative paths import by name. */
export async function packagesImported(entry: string): Promise<string[]> {
  return (await modulesFrom(entry)).flatMap(({ imports }) => imports.filter((name) => !isRelative(name)));
}

interface SourceFile {
  readonly file: string;
  readonly bytes: Buffer;
  /** What stands in an import, an export from or a `require`, in the order of the text. */
  readonly imports: readonly string[];
}

/** A module and all that it imports by relative paths. */
async function modulesFrom(entry: string): Promise<SourceFile[]> {
  const lexer = await import('es-module-lexer');
  await lexer.init;
  const seen = new Set([entry]);
  const files: SourceFile[] = [];
  for (const file of seen) {
    const bytes = readFileSync(file);
    const imports = /\.[cm]?[jt]s$/.test(file) ? importsOf(bytes.toString('utf8'), lexer.parse) : [];
    files.push({ file, bytes, imports });
    for (const path of imports.filter(isRelative).flatMap((name) => resolved(name, file) ?? [])) seen.add(path);
  }
  return files;
}

type Parse = typeof import('es-module-lexer')['parse'];

const isRelative = (specifier: string): boolean => /^\.{1,2}\//.test(specifier);

function importsOf(text: string, parse: Parse): string[] {
  const required = [...text.matchAll(/\brequire\(\s*(['"])([^'"]+)\1\s*\)/g)].map((match) => match[2]!);
  return [...staticImports(text, parse), ...required];
}
function staticImports(text: string, parse: Parse): string[] {
  try {
    return parse(text)[0].flatMap(({ n }) => n ?? []);
  } catch {
    return []; // text that is no plain JavaScript (types, say): only the runtime can read it
  }
}
function resolved(specifier: string, from: string): string | null {
  try {
    const file = fileURLToPath(new URL(specifier, pathToFileURL(from)));
    if (existsSync(file) && statSync(file).isFile()) return file;
    return createRequire(from).resolve(specifier); // `./helper` without its ending
  } catch {
    return null; // no path, or no such file: whoever imports it says so
  }
}
