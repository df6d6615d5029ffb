/**
 * For every process of a pool; Node takes them only on the command line. Little of what a server makes lives long, so a
 * small young generation costs no time and spares 20 to 40 MiB.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2'];
