/**
 * For every process of a pool; Node takes them only on the command line. Little of what a server makes lives long, so a
 * small young generation costs no time and spares 20 to 40 MiB. What a round makes lives as long as the round, and so
 * gets into the old generation, which V8 lets grow to three times its size before it looks: a third more is enough, and
 * spares as much again where there are many Libraries.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2', '--heap-growing-percent=30'];
