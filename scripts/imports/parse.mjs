/** @file What a file imports, as the parser of TypeScript sees it: every form, whatever its quotes, comments and line breaks. */
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';

const ts = createRequire(import.meta.url)('typescript-5.9'); // `import` would first search its 9 MB for names
const { SyntaxKind: Kind } = ts;
export const CODE = /\.[cm]?[jt]sx?$/;
const OPTIONS = { languageVersion: ts.ScriptTarget.ES2022, jsDocParsingMode: ts.JSDocParsingMode.ParseNone };

/** A file as the parser sees it. */
export function parse(file, text) {
  const kind = /\.[cm]?ts$/.test(file)
    ? ts.ScriptKind.TS
    : /\.[jt]sx$/.test(file)
      ? ts.ScriptKind.TSX
      : ts.ScriptKind.JS;
  return ts.createSourceFile(file, text, OPTIONS, true, kind);
}

/**
 * The imports of a file: each with its path, the names that it takes (`default` among them; none for `* as`) and `required` for
 * `require`; a path that no text gives is null and carries its expression.
 */
export function importsOf(source) {
  const found = [];
  const required = namesOfRequire(source);
  const add = (node, names = [], isRequire = false) => {
    const path = literal(node);
    found.push({ path, names, required: isRequire, expression: path === null ? node?.getText(source) : undefined });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importedNames(node.importClause));
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node.moduleSpecifier, exportedHere(node));
    else if (ts.isExternalModuleReference(node)) add(node.expression, [], true);
    else if (ts.isImportTypeNode(node)) add(node.argument, firstName(node.qualifier));
    else if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name)) add(node.name);
    else if (ts.isCallExpression(node)) visitCall(node);
    ts.forEachChild(node, visit);
  };
  const visitCall = (node) => {
    const callee = bare(node.expression);
    const argument = node.arguments[0];
    if (isImport(callee)) add(argument, awaitedNames(node));
    else if (isRequire(callee, required) || (isNamed(callee, 'require') && literal(argument) !== null))
      add(argument, [], true);
    // finding a file loads nothing, but a path that stands there is meant to be loaded
    else if (ts.isPropertyAccessExpression(callee) && callee.name.text === 'resolve' && literal(argument) !== null)
      if (isRequire(bare(callee.expression), required)) add(argument, [], true);
  };
  visit(source);
  for (const { fileName } of source.referencedFiles) found.push({ path: relativePath(fileName), names: [] });
  for (const { fileName } of source.typeReferenceDirectives) found.push({ path: fileName, names: [] });
  return found;
}

/** The first mistake of syntax, if there is one: what cannot be parsed cannot be checked. */
export function mistakeIn(source) {
  const [mistake] = source.parseDiagnostics;
  return mistake && ts.flattenDiagnosticMessageText(mistake.messageText, ' ');
}

/** The names that a file exports, those behind `export *` of other files with them. */
export function exportedNames(file, read, seen = new Set()) {
  const names = new Set();
  if (seen.has(file)) return names;
  seen.add(file);
  for (const node of parse(file, read(file)).statements) {
    const has = (kind) => node.modifiers?.some((modifier) => modifier.kind === kind) ?? false;
    if (ts.isExportDeclaration(node)) {
      if (node.exportClause && ts.isNamespaceExport(node.exportClause)) names.add(node.exportClause.name.text);
      else if (node.exportClause) for (const { name } of node.exportClause.elements) names.add(name.text);
      else {
        const target = resolve(dirname(file), node.moduleSpecifier.text.replace(/\.js$/, '.ts'));
        for (const name of exportedNames(target, read, seen)) if (name !== 'default') names.add(name);
      }
    } else if (ts.isExportAssignment(node) || has(Kind.DefaultKeyword)) names.add('default');
    else if (has(Kind.ExportKeyword) && ts.isVariableStatement(node))
      for (const { name } of node.declarationList.declarations) names.add(name.getText());
    else if (has(Kind.ExportKeyword) && node.name) names.add(node.name.text);
  }
  return names;
}

/** The text of an expression that is one text, null of any other. */
function literal(node) {
  if (!node) return null;
  const inner = ts.isLiteralTypeNode(node) ? node.literal : bare(node);
  return ts.isStringLiteralLike(inner) ? inner.text : null;
}

/** Without brackets and type assertions. */
function bare(node) {
  return ts.skipOuterExpressions(node);
}

function isImport(callee) {
  return (
    callee.kind === Kind.ImportKeyword ||
    (ts.isMetaProperty(callee) && callee.keywordToken === Kind.ImportKeyword && callee.name.text === 'defer')
  );
}

/** `createRequire(…)` itself, or a name that holds what it gave. */
function isRequire(callee, names) {
  return ts.isIdentifier(callee) ? names.has(callee.text) : isCreateRequire(callee);
}

function isCreateRequire(node) {
  if (!ts.isCallExpression(node)) return false;
  const callee = bare(node.expression);
  return isNamed(ts.isPropertyAccessExpression(callee) ? callee.name : callee, 'createRequire');
}

function isNamed(node, name) {
  return ts.isIdentifier(node) && node.text === name;
}

function namesOfRequire(source) {
  const names = new Set(/\.c[jt]s$/.test(source.fileName) ? ['require'] : []);
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.initializer && isCreateRequire(bare(node.initializer)))
      if (ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  if (source.text.includes('createRequire')) visit(source);
  return names;
}

function importedNames(clause) {
  if (!clause) return [];
  const own = clause.name ? ['default'] : [];
  const list = clause.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
  return [...own, ...list.map(({ propertyName, name }) => (propertyName ?? name).text)];
}

function exportedHere({ exportClause }) {
  if (!exportClause || !ts.isNamedExports(exportClause)) return [];
  return exportClause.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
}

function firstName(qualifier) {
  let name = qualifier;
  while (name && ts.isQualifiedName(name)) name = name.left;
  return name ? [name.text] : [];
}

/** `const { a, b } = await import('…')` takes a and b; `(await import('…')).a` takes a. */
function awaitedNames(call) {
  const outer = (node) => (ts.isParenthesizedExpression(node.parent) ? outer(node.parent) : node.parent);
  const waiting = outer(call);
  if (!ts.isAwaitExpression(waiting)) return [];
  const user = outer(waiting);
  if (ts.isPropertyAccessExpression(user)) return [user.name.text];
  if (!ts.isVariableDeclaration(user) || !ts.isObjectBindingPattern(user.name)) return [];
  return user.name.elements.flatMap(({ dotDotDotToken, propertyName, name }) =>
    dotDotDotToken ? [] : [(propertyName ?? name).getText()],
  );
}

function relativePath(path) {
  return path.startsWith('.') || path.startsWith('/') ? path : `./${path}`;
}
