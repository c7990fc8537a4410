// Prints what AsyncAPI's own parser has against a document; exits with 1 if any of it is an error.
//     node validate.mjs ../../docs/asyncapi.yaml
import { readFile } from "node:fs/promises";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser/cjs/index.js";

const [path] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(path, "utf8"));
for (const { severity, code, message, path: place } of diagnostics) {
  console.log(`${DiagnosticSeverity[severity]} ${code} at ${place.join(".")}: ${message}`);
}
const errors = diagnostics.filter(({ severity }) => severity === DiagnosticSeverity.Error);
process.exitCode = document && errors.length === 0 ? 0 : 1;
