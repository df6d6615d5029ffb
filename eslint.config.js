import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What a script may name without importing it. */
const nodeGlobals = names(
  'process Buffer console URL performance setTimeout clearTimeout setInterval clearInterval fetch',
);
const browserGlobals = names(
  'window document location history navigator localStorage sessionStorage console URL URLSearchParams fetch performance ' +
    'setTimeout clearTimeout setInterval clearInterval requestAnimationFrame EventSource WebSocket Blob FormData ' +
    'HTMLElement customElements Worker io',
);

const noClock = 'core is pure: take the time as an argument.';
const noRandom = 'core is pure: take a seed or a generator as an argument.';
const noEffects = 'core is pure: no timers, process or I/O. Return a decision, let the caller act.';
const noAsync = 'core is pure and synchronous: nothing in it waits.';

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'coverage/',
      '.cloud-node/',
      '**/generated/',
      'src/tensors/assembly/',
      '**/vendor/',
      '**/*.min.js',
    ],
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [js.configs.recommended],
    languageOptions: {
      globals: { ...nodeGlobals, module: 'readonly', require: 'readonly', WebAssembly: 'readonly' },
    },
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }] },
  },
  {
    files: ['examples/browser/page/*.js'],
    languageOptions: { globals: browserGlobals },
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [js.configs.recommended, ...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 350, skipBlankLines: true, skipComments: true }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // A function that an interface says is async need not await; async makes its throws rejections.
      '@typescript-eslint/require-await': 'off',
      // Numbers are what most messages are made of.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowRegExp: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'Date', message: noClock },
        { name: 'performance', message: noClock },
        ...[
          'crypto',
          'Buffer',
          'process',
          'console',
          'fetch',
          'globalThis',
          'window',
          'document',
          'queueMicrotask',
        ].map((name) => ({ name, message: noEffects })),
        ...[
          'setTimeout',
          'setInterval',
          'setImmediate',
          'clearTimeout',
          'clearInterval',
          'clearImmediate',
        ].map((name) => ({
          name,
          message: noEffects,
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: noRandom },
        { object: 'Date', property: 'now', message: noClock },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: ':function[async=true]', message: noAsync },
        { selector: 'AwaitExpression', message: noAsync },
        { selector: 'ForOfStatement[await=true]', message: noAsync },
        { selector: "NewExpression[callee.name='Promise']", message: noAsync },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // `expect(await …)` in a callback of `eventually`, fakes that satisfy an async port.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      'max-lines': ['error', { max: 600, skipBlankLines: true, skipComments: true }],
    },
  },
);

function names(text) {
  return Object.fromEntries(text.split(' ').map((name) => [name, 'readonly']));
}
