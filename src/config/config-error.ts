/** The environment is not what a process needs. Apart from it: who only tells what went wrong need not load zod. */
export class ConfigError extends Error {}
