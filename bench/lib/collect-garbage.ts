/**
 * Loaded into a process that is measured (`node --expose-gc --import`): SIGUSR2 collects its garbage, so that what is
 * left of its memory is what it needs. Nothing else about the process changes.
 */
const { gc } = globalThis as { gc?: () => void };
process.on('SIGUSR2', () => gc?.());
