// ESLint's recommended rules, and a few that keep the scripts plain. Types are TypeScript's part: tsconfig.json.
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-console": "error",
      "no-shadow": "error",
      "no-undef": "off", // TypeScript knows better, as its own documentation says
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
      complexity: ["error", 12],
      "max-lines": ["error", 300],
      "max-params": ["error", 5],
    },
  },
  { files: ["static/js/**"], languageOptions: { globals: globals.browser } },
];
