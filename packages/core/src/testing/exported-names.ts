/** @file The names that a door exports, types included, read off its text: what snapshot tests of doors compare. */

/**
 * @param door the text of a file that exports nothing but lists: `export { a, type B } from './c.js'`
 * @returns the names, sorted; a type has `type ` before it
 * @throws Error for an `export *`: a door is a list by hand
 */
export function exportedNames(door: string): string[] {
  if (/^export \*/m.test(door)) throw new Error('a door is a list by hand, without export *');
  const lists = [...door.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, type = '', list = '']) =>
    list
      .replace(/\/\*.*?\*\/|\/\/.*$/gms, '')
      .split(',')
      .map((name) => name.trim().replace(/^\S+ as /, ''))
      .filter(Boolean)
      .map((name) => (name.startsWith('type ') ? name : `${type}${name}`)),
  );
  const own = [...door.matchAll(/^export (?:async )?(const|function|class|interface|type|abstract class) (\w+)/gm)].map(
    ([, kind, name]) => (kind === 'interface' || kind === 'type' ? `type ${name}` : `${name}`),
  );
  return [...lists, ...own].sort((a, b) => a.replace(/^type /, '').localeCompare(b.replace(/^type /, ''), 'en'));
}
