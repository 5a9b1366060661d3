/** @file Examples in TypeScript, compiled as strictly as a careful user would, to JavaScript beside them. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript-5.9';

/**
 * Compiles these files of a folder to `.js` files beside them, against the built packages.
 * @returns what the compiler has to say, a line each; none where all is well
 */
export function compileExamples(folder: string, names: readonly string[]): string[] {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const program = ts.createProgram(
    names.map((name) => join(folder, name)),
    {
      strict: true,
      noEmitOnError: true,
      rewriteRelativeImportExtensions: true, // scripts import each other by the name that Node.js needs
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      preserveSymlinks: true, // the folder's node_modules is a link, whose types are found through the folder
      types: [],
      skipLibCheck: true,
    },
  );
  const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return [...new Set(found.map(line))];
}

function line({ file, start = 0, messageText }: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(messageText, ' ');
  if (!file) return text;
  return `${basename(file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1}: ${text}`;
}
