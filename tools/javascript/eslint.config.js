/** ESLint's rules, for all JavaScript that is ours; `make lint` runs it from the project's root. */

import js from "@eslint/js";
import globals from "globals";

const DJANGO = { gettext: "readonly", ngettext: "readonly", interpolate: "readonly" };

export default [
  { ignores: ["**/vendor/", "**/node_modules/", ".venv/", "staticfiles/", "bench/results/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["static/**/*.js", "*/static/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...DJANGO, uPlot: "readonly" } },
  },
  {
    files: ["tests/javascript/**/*.js", "tools/**/*.{js,mjs}", "docs/examples/**/*.mjs"],
    languageOptions: { globals: globals.node },
  },
];
