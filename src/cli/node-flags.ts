/**
 * For every process of a pool; Node takes them only on the command line.
 *
 * Little of what a server makes lives long, so a small young generation costs no time and spares 20 to 40 MiB. Chunks of
 * bodies count against the limit of the old generation, which is small here because the heap is: at the default growth
 * V8 collected the whole heap 13 times in a round of 500 MiB, on all processors, for a third of the gateway's time.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=2', '--heap-growing-percent=200'];
